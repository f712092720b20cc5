import { Range, spells } from "../text/bytes";
import { Build } from "./build";
import { MAX_STAGES, NO_HEADER, PART_OPERATION, SOURCE_PEER } from "./plan";
import { readParts } from "./references";
import {
  ENVIRONMENT_NAME,
  HEADER_NAME,
  SPIFFE_ID,
  readChoice,
  readFlag,
  readInteger,
  readPattern,
  readText,
} from "./values";
import { matches } from "../text/pattern";
import { Plan } from "./plan";

const MAX_PEERS: u32 = 256;
const MAX_SOURCES: u32 = 8;
/** The store divides its capacity into slots of several users: fewer than this make no sense. */
const LEAST_CAPACITY: u64 = 1_000;
const MOST_CAPACITY: u64 = 10_000_000;
const MOST_SERIES: u64 = 100_000;
const MOST_VIOLATIONS: u64 = 1_000;

const HEADER_KEYS = "operation, tier, latencyBudget, marketTimestamp";
const enum HeaderKey {
  operation,
  tier,
  latencyBudget,
  marketTimestamp,
}

const IDENTITY_KEYS = "sources, anonymous, logKeyEnv";
const enum IdentityKey {
  sources,
  anonymous,
  logKeyEnv,
}

const SOURCE_KEYS = "header, peer";
const enum SourceKey {
  header,
  peer,
}

const METRICS_KEYS = "maxSeries, durationLabels, filterState";
const enum MetricsKey {
  maxSeries,
  durationLabels,
  filterState,
}

/** Sets what an absent key leaves as it is. */
export function setDefaults(plan: Plan): void {
  plan.trustAll = true;
  plan.operationHeader = NO_HEADER;
  plan.tierHeader = NO_HEADER;
  plan.budgetHeader = NO_HEADER;
  plan.maxSeries = 2_000;
  plan.storeCapacity = 100_000;
}

/** Gives the lists and texts that the document left out. */
export function fillDefaults(build: Build): void {
  const plan = build.plan;
  if (plan.operationHeader == NO_HEADER) plan.operationHeader = build.headerOf("x-trading-operation");
  if (plan.tierHeader == NO_HEADER) plan.tierHeader = build.headerOf("x-user-tier");
  if (plan.budgetHeader == NO_HEADER) plan.budgetHeader = build.headerOf("x-latency-budget-us");
  if (plan.marketTimestamp == 0) build.keepLiteral(marketTimestamp(plan), "x-market-timestamp");
  if (plan.sourceCount == 0) addSource(build, <u8>build.headerOf("x-user-id"));
  if (plan.durationLabels == 0) {
    plan.durationLabels = build.room(1);
    if (plan.durationLabels == 0) return;
    store<u8>(plan.durationLabels, PART_OPERATION);
    plan.durationLabelCount = 1;
  }
}

function marketTimestamp(plan: Plan): Range {
  return changetype<Range>(changetype<usize>(plan) + offsetof<Plan>("marketTimestamp"));
}

export function readTrustedPeers(build: Build): void {
  const document = build.document;
  const plan = build.plan;
  plan.trustAll = false;
  build.openList();
  while (document.item(MAX_PEERS) && readText(document)) {
    const everybody = spells(document.text, document.textLength, "*");
    if (everybody) plan.trustAll = true;
    else if (!matches(document.text, document.textLength, SPIFFE_ID)) {
      document.refuseUnless("* and does not match ").ascii(SPIFFE_ID);
    }
    build.addToList();
  }
  build.keepList(changetype<Range>(changetype<usize>(plan) + offsetof<Plan>("trustedPeers")));
}

export function readHeaders(build: Build): void {
  const document = build.document;
  const plan = build.plan;
  document.openObject();
  while (document.field(HEADER_KEYS)) {
    switch (document.key) {
      case HeaderKey.operation:
        plan.operationHeader = build.readHeader();
        break;
      case HeaderKey.tier:
        plan.tierHeader = build.readHeader();
        break;
      case HeaderKey.latencyBudget:
        plan.budgetHeader = build.readHeader();
        break;
      default:
        build.readHeaderName(marketTimestamp(plan));
    }
  }
}

export function readIdentity(build: Build): void {
  const document = build.document;
  document.openObject();
  while (document.field(IDENTITY_KEYS)) {
    switch (document.key) {
      case IdentityKey.sources:
        readSources(build);
        break;
      case IdentityKey.anonymous:
        build.plan.anonymous = readChoice(document, "shared, exempt, reject");
        break;
      default:
        readLogKeyEnv(build);
    }
  }
}

function readLogKeyEnv(build: Build): void {
  const document = build.document;
  if (!readText(document) || document.textLength == 0) return;
  if (matches(document.text, document.textLength, ENVIRONMENT_NAME)) {
    build.keep(changetype<Range>(changetype<usize>(build.plan) + offsetof<Plan>("logKeyEnv")));
  } else {
    document.refuse("does not match ").ascii(ENVIRONMENT_NAME);
  }
}

function readSources(build: Build): void {
  const document = build.document;
  document.openArray();
  while (document.item(MAX_SOURCES)) readSource(build);
  if (build.plan.sourceCount == 0) document.fail().ascii("is empty");
}

function readSource(build: Build): void {
  const document = build.document;
  let source: u8 = SOURCE_PEER;
  document.openObject();
  while (document.field(SOURCE_KEYS)) {
    if (document.key == SourceKey.header) source = <u8>build.readHeader();
    else readChoice(document, "spiffe");
  }
  document.exclude(SOURCE_KEYS, SourceKey.peer, SourceKey.header);
  if (!document.had(SourceKey.header) && !document.had(SourceKey.peer)) {
    document.fail().ascii("header or peer is required");
  }
  addSource(build, source);
}

function addSource(build: Build, source: u8): void {
  const plan = build.plan;
  if (plan.sources == 0) plan.sources = build.room(MAX_SOURCES);
  if (plan.sources == 0) return;
  store<u8>(plan.sources + plan.sourceCount, source);
  plan.sourceCount += 1;
}

export function readStages(build: Build): void {
  const document = build.document;
  document.openObject();
  while (document.field("values")) {
    build.readList(
      changetype<Range>(changetype<usize>(build.plan) + offsetof<Plan>("stages")),
      MAX_STAGES,
      HEADER_NAME,
    );
  }
}

export function readMetrics(build: Build): void {
  const document = build.document;
  const plan = build.plan;
  document.openObject();
  while (document.field(METRICS_KEYS)) {
    switch (document.key) {
      case MetricsKey.maxSeries:
        plan.maxSeries = <u32>readInteger(document, 1, MOST_SERIES);
        break;
      case MetricsKey.durationLabels:
        readParts(
          build,
          changetype<Range>(changetype<usize>(plan) + offsetof<Plan>("durationLabels")),
          "operation, result",
          PART_OPERATION,
        );
        break;
      default:
        plan.filterState = readFlag(document);
    }
  }
}

export function readStore(build: Build): void {
  const document = build.document;
  document.openObject();
  while (document.field("capacity")) {
    build.plan.storeCapacity = <u32>readInteger(document, LEAST_CAPACITY, MOST_CAPACITY);
  }
}

export function readViolationLog(build: Build): void {
  const document = build.document;
  document.openObject();
  while (document.field("perSecond")) {
    build.plan.violationsPerSecond = <u32>readInteger(document, 0, MOST_VIOLATIONS);
  }
}
