import { Range, spells } from "../text/bytes";
import { Token } from "../text/json";
import { Build } from "./build";
import { MAX_QUOTAS, MAX_TIERS, NO_HEADER, PART_USER, Quota, Tier } from "./plan";
import { readOperationBits, readParts } from "./references";
import { readBurst, readLimit, readTiers, readWindow, settleTiers } from "./tiers";
import { MOST_TOKENS, NAME, readChoice, readFlag, readInteger } from "./values";

const MOST_LEASE: u64 = 1_000_000;

const KEYS = "name, operations, key, limit, window, burst, tiers, cost, mode, precision, announce";
const enum Key {
  name,
  operations,
  key,
  limit,
  window,
  burst,
  tiers,
  cost,
  mode,
  precision,
  announce,
}

const COST_KEYS = "header, max";
const enum CostKey {
  header,
  max,
}

const LEASE_KEYS = "lease";
const enum LeaseKey {
  lease,
}

export function readQuotas(build: Build): void {
  const document = build.document;
  const plan = build.plan;
  plan.quotas = build.room(<usize>MAX_QUOTAS * offsetof<Quota>());
  document.openArray();
  while (document.item(MAX_QUOTAS)) {
    readQuota(build, plan.quotaAt(plan.quotaCount));
    plan.quotaCount += 1;
  }
}

function readQuota(build: Build, quota: Quota): void {
  const document = build.document;
  quota.operations = u64.MAX_VALUE;
  quota.costMax = 1;
  quota.costHeader = NO_HEADER;
  quota.lease = 1;
  quota.tierCount = 1;
  quota.tiers = build.room(<usize>MAX_TIERS * offsetof<Tier>());
  document.openObject();
  while (document.field(KEYS)) readField(build, quota);
  document.require(KEYS, Key.name);
  document.require(KEYS, Key.limit);
  if (document.error != 0) return;
  settleTiers(build, quota);
  if (quota.key != 0) return;
  quota.key = build.room(1);
  if (quota.key == 0) return;
  store<u8>(quota.key, PART_USER);
  quota.keyCount = 1;
}

function readField(build: Build, quota: Quota): void {
  switch (build.document.key) {
    case Key.limit:
      readLimit(build, quota, 0);
      break;
    case Key.window:
      readWindow(build, quota, 0);
      break;
    case Key.burst:
      readBurst(build, quota, 0);
      break;
    case Key.tiers:
      readTiers(build, quota);
      break;
    case Key.cost:
      readCost(build, quota);
      break;
    case Key.precision:
      readPrecision(build, quota);
      break;
    default:
      readScope(build, quota);
  }
}

function readScope(build: Build, quota: Quota): void {
  const document = build.document;
  const names = build.plan.quotas + offsetof<Quota>("name");
  const key = changetype<Range>(changetype<usize>(quota) + offsetof<Quota>("key"));
  switch (document.key) {
    case Key.name:
      build.readName(names, offsetof<Quota>(), build.plan.quotaCount, NAME);
      break;
    case Key.operations:
      quota.operations = readOperationBits(build);
      break;
    case Key.key:
      readParts(build, key, "user, peer, operation", PART_USER);
      break;
    case Key.mode:
      quota.shadow = readChoice(document, "enforce, shadow") == 1;
      break;
    default:
      quota.announce = readFlag(document);
  }
}

function readCost(build: Build, quota: Quota): void {
  const document = build.document;
  document.openObject();
  while (document.field(COST_KEYS)) {
    if (document.key == CostKey.header) {
      quota.costHeader = build.readHeader();
    } else {
      quota.costMax = readInteger(document, 1, MOST_TOKENS);
      build.costNote.set(document.raw, document.rawLength);
    }
  }
  document.require(COST_KEYS, CostKey.header);
  document.require(COST_KEYS, CostKey.max);
}

function readPrecision(build: Build, quota: Quota): void {
  const document = build.document;
  if (document.peek() == 0x7b) {
    readLease(build, quota);
    return;
  }
  const isText = document.next() == Token.text;
  if (isText && spells(document.text, document.textLength, "exact")) return;
  document.refuseUnless('exact and not {"lease": 1..1000000}');
}

function readLease(build: Build, quota: Quota): void {
  const document = build.document;
  document.openObject();
  while (document.field(LEASE_KEYS)) {
    quota.lease = <u32>readInteger(document, 1, MOST_LEASE);
    build.leaseNote.set(document.raw, document.rawLength);
  }
  document.require(LEASE_KEYS, LeaseKey.lease);
}
