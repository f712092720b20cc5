import { initVocabularies } from "./metrics/vocabulary";
import { PART_OPERATION, PART_PEER, PART_USER, Plan, SOURCE_PEER } from "./config/plan";
import { compilePlan, releasePlan } from "./config/compile";
import { stateNames } from "./request/filterstate";
import { PLUGIN_CONFIGURATION, proxy_get_buffer_bytes, proxy_set_tick_period_milliseconds } from "./host/abi";
import { monotonicNanos } from "./host/clock";
import { readVariable, fillRandom } from "./host/environment";
import { ERROR, WARN, logLine, refreshLogLevel, writeLog } from "./host/log";
import { createShared, readShared } from "./host/shared";
import { Status, toStatus } from "./host/status";
import { returned, returnedBytes, returnedLength } from "./host/value";
import { Arena, createArena, releaseArena } from "./memory/arena";
import { Recall, createRecall } from "./memory/recall";
import { seedHash } from "./memory/hash";
import { BudgetState, budgetStateAt, createBudgetStates } from "./metrics/budgetcounts";
import { Failure } from "./metrics/catalog";
import { noteFailure } from "./metrics/failures";
import { initLabels } from "./metrics/labels";
import { seedNames } from "./metrics/registry";
import { QuotaState, createQuotaStates, quotaStateAt } from "./metrics/quotacounts";
import { Recorder, createRecorder } from "./metrics/recorder";
import {
  DEFAULT_MAX_SERIES,
  flushFailures,
  flushOverflow,
  flushStore,
  reserveSelf,
  writeConfigInfo,
  writeActiveUsers,
  writeGauges,
} from "./metrics/self";
import { NOT_YET, countUsers } from "./store/census";
import { joinTable, openTable, slotsFor } from "./store/table";
import { Range, rangeAt, spells } from "./text/bytes";
import { sha256 } from "./text/sha256";
import { Writer, WRITER_BYTES } from "./text/writer";
import { HeaderScan, createHeaderScan } from "./trading/headers";
import { hasRules } from "./trading/operation";

/** Short, so that no tick holds up requests for long: the census of users is done in many small parts. */
const TICK_MILLIS: u32 = 100;
/** Counters reach Envoy's statistics at every fifth tick. */
const TICKS_PER_FLUSH: u32 = 5;
/** 32 MiB for one configuration and what it learns. */
const MAX_ARENA_PAGES: u32 = 512;
/** Names of the request's and the response's scans that are ours, beside those of the plan. */
const OWN_NAMES: u32 = 5;
/** Paths whose operation is remembered. */
const MAX_PATHS: u32 = 512;

const diagnosticBuffer = memory.data(512);
const diagnosticWriter = memory.data(WRITER_BYTES);
const variable = memory.data(8);
const seed = memory.data(16);
let seeded = false;

/** One root context: a configuration of its own, alive until its last stream is gone. */
@unmanaged
export class Plugin {
  id: u32;
  configHash: u32;
  /** Key of the hash that stands for users in logs; meaningless without `hashesUsers`. */
  logKey0: u64;
  logKey1: u64;
  arena: Arena;
  /** Address 0 while no configuration was accepted: traffic passes untouched. */
  plan: Plan;
  recorder: Recorder;
  request: HeaderScan;
  response: HeaderScan;
  method: u32;
  path: u32;
  contentType: u32;
  /** Which operation paths came to lately, by method. */
  paths: Recall;
  status: u32;
  responseType: u32;
  grpcStatus: u32;
  serverTiming: u32;
  grpcTimeout: u32;
  marketTimestamp: u32;
  /** Table of `Range`: filter state names, as `recorder` orders its vocabularies. */
  stateNames: usize;
  /** Table of `QuotaState`. */
  quotaStates: usize;
  /** Table of `BudgetState`. */
  budgetStates: usize;
  /** Bit of every vocabulary that learns and whose values have buckets of their own. */
  chargedLabels: u32;
  liveStreams: u32;
  ticks: u32;
  hasRules: bool;
  /** Whether requests need the mTLS peer: for trust, identity or a quota's key. */
  needsPeer: bool;
  hashesUsers: bool;
  /** Whether there is a table with users to count. */
  countsUsers: bool;
  /** Whether a response has told the age of market data. */
  seesMarketData: bool;
  remembered: bool;
  ticking: bool;
  done: bool;

  get maxSeries(): u32 {
    return changetype<usize>(this.plan) == 0 ? DEFAULT_MAX_SERIES : this.plan.maxSeries;
  }

  /** Whether a request for which the filter itself fails is refused. */
  get refusesFailures(): bool {
    const plan = this.plan;
    return changetype<usize>(plan) != 0 && plan.failureDeny && !plan.observe;
  }

  /** Loads the configuration of this context. False refuses it: Envoy keeps the one it had. */
  configure(size: u32): bool {
    prepareVm();
    refreshLogLevel();
    const diagnostic = changetype<Writer>(diagnosticWriter).init(diagnosticBuffer, 512);
    if (this.load(size, diagnostic)) {
      this.startTicks();
      this.flush();
      return true;
    }
    noteFailure(Failure.Config);
    logLine().ascii("configuration refused: ").bytes(diagnostic.ptr, diagnostic.len);
    writeLog(ERROR);
    this.release();
    if (!passesColdStart()) {
      flushFailures(DEFAULT_MAX_SERIES);
      return false;
    }
    logLine().ascii("TICKGATE_COLD_START=pass: traffic passes untouched until a configuration is accepted");
    writeLog(WARN);
    this.startTicks();
    this.flush();
    return true;
  }

  private load(size: u32, diagnostic: Writer): bool {
    if (
      size != 0 &&
      toStatus(proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, size, returned, returned + 4)) != Status.Ok
    ) {
      diagnostic.ascii("it could not be read from the host");
      return false;
    }
    const length = size == 0 ? 0 : returnedLength();
    this.configHash = load<u32>(sha256(returnedBytes(), length));
    this.plan = compilePlan(returnedBytes(), length, diagnostic);
    if (changetype<usize>(this.plan) == 0) return false;
    if (this.build()) return true;
    diagnostic.clear().ascii("no memory for it");
    return false;
  }

  private build(): bool {
    this.arena = createArena(MAX_ARENA_PAGES);
    if (changetype<usize>(this.arena) == 0) return false;
    this.recorder = createRecorder(this.arena, this.plan);
    if (changetype<usize>(this.recorder) == 0 || !this.buildScans()) return false;
    this.hasRules = hasRules(this.plan);
    this.paths = createRecall(this.arena, MAX_PATHS);
    if (changetype<usize>(this.paths) == 0) return false;
    this.quotaStates = createQuotaStates(this.arena, this.plan);
    if (this.quotaStates == 0 || !this.openStore()) return false;
    this.chargedLabels = chargedLabels(this.plan, this.recorder);
    this.budgetStates = createBudgetStates(this.arena, this.plan, this.recorder);
    if (this.budgetStates == 0) return false;
    this.needsPeer = needsPeer(this.plan);
    this.readLogKey();
    this.stateNames = stateNames(this.arena, this.recorder);
    if (this.stateNames == 0) return false;
    let missing = reserveSelf(this.recorder, this.plan, this.configHash) + this.recorder.reserve();
    for (let i: u32 = 0; i < this.plan.quotaCount; i++)
      missing += this.quotaStateAt(i).reserve(this.plan.maxSeries);
    for (let i: u32 = 0; i < this.plan.budgetCount; i++)
      missing += this.budgetStateAt(i).reserve(this.plan.maxSeries);
    if (missing != 0) {
      logLine().ascii("metrics.maxSeries: no room to reserve for ").decimal(missing).ascii(" series");
      writeLog(WARN);
    }
    if (this.plan.trustAll) warnOfTrust();
    return true;
  }

  /** The key is the SHA-256 of what the variable holds, so that it may have any length. */
  private readLogKey(): void {
    const value = changetype<Range>(variable);
    const plan = this.plan;
    this.hashesUsers =
      plan.filterState &&
      plan.logKeyEnvLength != 0 &&
      readVariable(plan.logKeyEnv, plan.logKeyEnvLength, value) &&
      value.len != 0;
    if (!this.hashesUsers) return;
    const digest = sha256(value.ptr, value.len);
    this.logKey0 = load<u64>(digest);
    this.logKey1 = load<u64>(digest, 8);
  }

  quotaStateAt(index: u32): QuotaState {
    return quotaStateAt(this.quotaStates, index);
  }

  budgetStateAt(index: u32): BudgetState {
    return budgetStateAt(this.budgetStates, index);
  }

  /** The table's size is fixed by the first configuration with quotas: moving users would lose what they spent. */
  private openStore(): bool {
    if (this.plan.quotaCount == 0) {
      // Those whom an earlier configuration has charged are counted until there are none.
      this.countsUsers = joinTable();
      return true;
    }
    this.countsUsers = true;
    const slots = openTable(this.plan.storeCapacity);
    if (slots == 0) {
      // Requests fail by `failureMode`, and the next load tries again.
      noteFailure(Failure.Store);
    } else if (slots != slotsFor(this.plan.storeCapacity)) {
      logLine().ascii("store.capacity stays as it was until the proxy restarts");
      writeLog(WARN);
    }
    return true;
  }

  private buildScans(): bool {
    const plan = this.plan;
    this.request = createHeaderScan(this.arena, plan.headerCount + OWN_NAMES);
    this.response = createHeaderScan(this.arena, OWN_NAMES);
    if (changetype<usize>(this.request) == 0 || changetype<usize>(this.response) == 0) return false;
    for (let i: u32 = 0; i < plan.headerCount; i++) {
      const name = rangeAt(plan.headers, i);
      this.request.add(name.ptr, name.len);
    }
    this.method = this.request.addLiteral(":method");
    this.path = this.request.addLiteral(":path");
    this.contentType = this.request.addLiteral("content-type");
    this.grpcTimeout = this.request.addLiteral("grpc-timeout");
    this.status = this.response.addLiteral(":status");
    this.responseType = this.response.addLiteral("content-type");
    this.grpcStatus = this.response.addLiteral("grpc-status");
    this.serverTiming = this.response.addLiteral("server-timing");
    this.marketTimestamp = this.response.add(plan.marketTimestamp, plan.marketTimestampLength);
    return true;
  }

  /** Without ticks nothing that is counted would ever be written: tried again at every request until it succeeds. */
  startTicks(): void {
    this.ticking = toStatus(proxy_set_tick_period_milliseconds(TICK_MILLIS)) == Status.Ok;
    if (!this.ticking) noteFailure(Failure.Timer);
  }

  /** Time's turn: a part of the census, and now and then a flush. */
  tick(): void {
    if (changetype<usize>(this.plan) != 0 && this.countsUsers) this.count();
    this.ticks += 1;
    if (this.ticks % TICKS_PER_FLUSH == 0) this.flush();
  }

  private count(): void {
    if (openTable(this.plan.storeCapacity) == 0) return;
    const users = countUsers(monotonicNanos());
    if (users == NOT_YET) return;
    writeActiveUsers(users, this.maxSeries);
    if (users == 0 && this.plan.quotaCount == 0) this.countsUsers = false;
  }

  /** Writes what was gathered to the host. */
  private flush(): void {
    refreshLogLevel();
    if (changetype<usize>(this.plan) != 0) {
      if (!this.remembered) this.remember();
      this.recorder.sync();
      this.recorder.flush();
      flushOverflow(this.recorder);
      for (let i: u32 = 0; i < this.plan.quotaCount; i++) this.quotaStateAt(i).flush(this.maxSeries);
      for (let i: u32 = 0; i < this.plan.budgetCount; i++) this.budgetStateAt(i).flush(this.maxSeries);
      flushStore(this.maxSeries);
      writeConfigInfo(this.configHash, true, this.maxSeries);
    }
    writeGauges(changetype<usize>(this.plan) != 0, this.maxSeries);
    flushFailures(this.maxSeries);
  }

  /** Remembers for the life of the process that a configuration was accepted: a bad one is refused from now on. */
  private remember(): void {
    const status = createShared("tg1:c", 5, "tg1:c", 1);
    this.remembered = status != Status.Failed;
    if (!this.remembered) noteFailure(Failure.Store);
  }

  /** The host lets go of this context: nothing that was counted is lost. */
  retire(): void {
    if (changetype<usize>(this.plan) != 0) {
      this.flush();
      writeConfigInfo(this.configHash, false, this.maxSeries);
    }
  }

  /** Gives the memory of the configuration back. */
  release(): void {
    if (changetype<usize>(this.plan) != 0) releasePlan(this.plan);
    if (changetype<usize>(this.arena) != 0) releaseArena(this.arena);
    this.plan = changetype<Plan>(0);
    this.arena = changetype<Arena>(0);
  }
}

/** What a VM needs once; not in `_initialize`, where nearly every host call is forbidden. */
function prepareVm(): void {
  if (seeded) return;
  seeded = true;
  initLabels();
  initVocabularies();
  if (!fillRandom(seed, 16)) noteFailure(Failure.Properties);
  seedHash(load<u64>(seed));
  seedNames(load<u64>(seed), load<u64>(seed, 8));
}

function chargedLabels(plan: Plan, recorder: Recorder): u32 {
  let labels: u32 = 0;
  for (let i: u32 = 0; i < plan.quotaCount; i++) {
    const quota = plan.quotaAt(i);
    for (let j: u32 = 0; j < quota.keyCount; j++) {
      const part = load<u8>(quota.key + j);
      if (part == PART_USER || part == PART_PEER) continue;
      const label = part == PART_OPERATION ? 0 : <u32>part + 1;
      if (recorder.vocabularyAt(label).learns) labels |= 1 << label;
    }
  }
  return labels;
}

function needsPeer(plan: Plan): bool {
  let needed = !plan.trustAll;
  for (let i: u32 = 0; i < plan.sourceCount; i++)
    needed = needed || load<u8>(plan.sources + i) == SOURCE_PEER;
  for (let i: u32 = 0; i < plan.quotaCount; i++) {
    const quota = plan.quotaAt(i);
    for (let j: u32 = 0; j < quota.keyCount; j++) needed = needed || load<u8>(quota.key + j) == PART_PEER;
  }
  return needed;
}

/** Said once in the life of the process, not by every VM of it. */
function warnOfTrust(): void {
  if (createShared("tg1:o:trust", 11, "tg1:o:trust", 1) != Status.Ok) return;
  logLine().ascii('trustedPeers: "*" believes the trading headers of anyone who can reach this proxy');
  writeLog(WARN);
}

/** Whether a refused configuration lets traffic pass: asked for, and none was ever accepted in this process. */
function passesColdStart(): bool {
  const value = changetype<Range>(variable);
  if (!readVariable("TICKGATE_COLD_START", 19, value) || !spells(value.ptr, value.len, "pass")) return false;
  return readShared("tg1:c", 5) == Status.NotFound;
}
