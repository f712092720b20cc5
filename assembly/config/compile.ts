import { Arena, createArena, releaseArena } from "../memory/arena";
import { Range } from "../text/bytes";
import { Decimal } from "../text/decimal";
import { TEXT_BYTES } from "../text/json";
import { Writer } from "../text/writer";
import { readBudgets } from "./budgets";
import { Build } from "./build";
import { addDefaultDimensions, readDimensions, reserveLabels } from "./dimensions";
import { Document, FRAMES_BYTES } from "./document";
import { NameSet, SLOTS_BYTES } from "./names";
import { readOperations } from "./operations";
import { MAX_DIMENSIONS, MAX_VALUES, Plan } from "./plan";
import { readQuotas } from "./quotas";
import {
  fillDefaults,
  readHeaders,
  readIdentity,
  readMetrics,
  readStages,
  readStore,
  readTrustedPeers,
  readViolationLog,
  setDefaults,
} from "./settings";
import { RATE_NOTES_BYTES } from "./tiers";
import { readChoice } from "./values";

/** Most bytes of a document. */
export const MAX_DOCUMENT_BYTES: u32 = 1_048_576;

/** 137 000 texts, each with up to 8 bytes of padding and an entry in a table, 1 MiB of text and the fixed tables: 4 MiB. */
const PLAN_PAGES: u32 = 64;

const KEYS =
  "mode, failureMode, trustedPeers, headers, identity, operations, dimensions, stages, metrics, store, quotas, budgets, violationLog";
const enum Key {
  mode,
  failureMode,
  trustedPeers,
  headers,
  identity,
  operations,
  dimensions,
  stages,
  metrics,
  store,
  quotas,
  budgets,
  violationLog,
}

/**
 * Compiles the `length` bytes of a configuration, none at all for the defaults. Nothing of the plan points into `text`.
 * Address 0 when it is refused: `diagnostic` then tells the first error, `quotas[1].limit: -5 is not in 1..1000000000`.
 */
export function compilePlan(text: usize, length: u32, diagnostic: Writer): Plan {
  const nothing = changetype<Plan>(0);
  diagnostic.clear();
  if (length > MAX_DOCUMENT_BYTES) {
    diagnostic
      .ascii("document")
      .ascii(": ")
      .decimal(length)
      .ascii(" bytes are more than ")
      .decimal(MAX_DOCUMENT_BYTES);
    return nothing;
  }
  const scratch = createArena(PLAN_PAGES);
  const arena = createArena(PLAN_PAGES);
  let plan = nothing;
  if (changetype<usize>(scratch) != 0 && changetype<usize>(arena) != 0) {
    plan = compileInto(arena, scratch, text, length, diagnostic);
  } else {
    diagnostic.ascii("document").ascii(": ").ascii("out of memory");
  }
  if (changetype<usize>(scratch) != 0) releaseArena(scratch);
  if (changetype<usize>(plan) == 0 && changetype<usize>(arena) != 0) releaseArena(arena);
  return plan;
}

/** Gives back all memory of a plan. */
export function releasePlan(plan: Plan): void {
  releaseArena(plan.arena);
}

function compileInto(arena: Arena, scratch: Arena, text: usize, length: u32, diagnostic: Writer): Plan {
  const build = prepare(scratch, diagnostic);
  build.known = changetype<Plan>(0);
  build.known = readPlan(build, scratch, text, length);
  if (build.document.error != 0) return changetype<Plan>(0);
  const plan = readPlan(build, arena, text, length);
  return build.document.error == 0 ? plan : changetype<Plan>(0);
}

/** Everything that a reading needs lies in the first page of `scratch`, which is there. */
function prepare(scratch: Arena, diagnostic: Writer): Build {
  const build = changetype<Build>(scratch.alloc(offsetof<Build>()));
  const document = changetype<Document>(scratch.alloc(offsetof<Document>()));
  document.frames = scratch.alloc(FRAMES_BYTES);
  document.text = scratch.alloc(TEXT_BYTES);
  document.number = changetype<Decimal>(scratch.alloc(offsetof<Decimal>()));
  document.diagnostic = diagnostic;
  document.silence = changetype<Writer>(scratch.alloc(offsetof<Writer>()));
  build.document = document;
  build.list = prepareSet(scratch);
  build.allowed = prepareSet(scratch);
  build.rateNotes = scratch.alloc(RATE_NOTES_BYTES);
  build.costNote = changetype<Range>(scratch.alloc(offsetof<Range>()));
  build.leaseNote = changetype<Range>(scratch.alloc(offsetof<Range>()));
  build.labels = scratch.alloc(<usize>MAX_DIMENSIONS * offsetof<Range>());
  build.reserved = changetype<Range>(scratch.alloc(offsetof<Range>()));
  build.reserved.ptr = scratch.alloc(TEXT_BYTES);
  reserveLabels(document, build.reserved);
  return build;
}

function prepareSet(scratch: Arena): NameSet {
  const set = changetype<NameSet>(scratch.alloc(offsetof<NameSet>()));
  set.init(scratch.alloc(SLOTS_BYTES), scratch.alloc(<usize>MAX_VALUES * offsetof<Range>()));
  return set;
}

function readPlan(build: Build, arena: Arena, text: usize, length: u32): Plan {
  const document = build.document;
  document.open(text, length);
  build.arena = arena;
  const plan = changetype<Plan>(build.room(offsetof<Plan>()));
  build.plan = plan;
  if (document.error != 0) return plan;
  plan.arena = arena;
  setDefaults(plan);
  if (length > 0) readRoot(build);
  if (plan.dimensions == 0) addDefaultDimensions(build);
  fillDefaults(build);
  return plan;
}

function readRoot(build: Build): void {
  const document = build.document;
  document.openObject();
  while (document.field(KEYS)) readField(build);
  document.close();
}

function readField(build: Build): void {
  const document = build.document;
  const plan = build.plan;
  switch (document.key) {
    case Key.mode:
      plan.observe = readChoice(document, "enforce, observe") == 1;
      break;
    case Key.failureMode:
      plan.failureDeny = readChoice(document, "allow, deny") == 1;
      break;
    case Key.trustedPeers:
      readTrustedPeers(build);
      break;
    case Key.headers:
      readHeaders(build);
      break;
    case Key.identity:
      readIdentity(build);
      break;
    case Key.stages:
      readStages(build);
      break;
    case Key.metrics:
      readMetrics(build);
      break;
    case Key.store:
      readStore(build);
      break;
    case Key.violationLog:
      readViolationLog(build);
      break;
    default:
      readTable(build);
  }
}

function readTable(build: Build): void {
  switch (build.document.key) {
    case Key.operations:
      readOperations(build);
      break;
    case Key.dimensions:
      readDimensions(build);
      break;
    case Key.quotas:
      readQuotas(build);
      break;
    default:
      readBudgets(build);
  }
}
