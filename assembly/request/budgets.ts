import { Text } from "../text/literal";
import { NO_HEADER } from "../config/plan";
import { REQUEST_HEADERS, RESPONSE_HEADERS } from "../host/abi";
import { writeHeader } from "../host/headers";
import { readProperty } from "../host/properties";
import { Status } from "../host/status";
import { returnedBytes, returnedLength } from "../host/value";
import { Failure } from "../metrics/catalog";
import { noteFailure } from "../metrics/failures";
import { OPERATION_AT } from "../metrics/family";
import { Plugin } from "../plugin";
import { NO_BUDGET, Share, effectiveLimit, saturatingSubtract, upstreamMicros } from "../policy/budget";
import { rangeAt } from "../text/bytes";
import { Writer, WRITER_BYTES } from "../text/writer";
import { GARBAGE, budgetMicros, grpcTimeoutMicros } from "../trading/deadline";
import { operationBit } from "../trading/operation";
import { Caller } from "./caller";
import { NO_TIME, microsSince } from "./elapsed";
import { writeBrokenBudgets } from "./filterstate";
import { sampleViolation, upstreamAttempts } from "./violations";

/** Bit of `response.flags` (`UF` in access logs). */
const UPSTREAM_CONNECTION_FAILURE: u64 = 0x20;
const buffer = memory.data(256);
const writer = changetype<Writer>(memory.data(WRITER_BYTES));
/** The budgets of one request. Part of its slot; all zero while none applies. */
@unmanaged
export class Deadline {
  /** What the caller had left, microseconds, or `NO_BUDGET`. */
  callerMicros: u64;
  /** From the request's headers to the response's, microseconds; 0: none came yet. */
  firstByteMicros: u64;
  /** Bit `i`: budget `i` applies. */
  applies: u32;

  /** Finds the budgets of a request, and what its caller has left. */
  begin(plugin: Plugin, caller: Caller, ids: usize): void {
    const plan = plugin.plan;
    const bit = operationBit(plan, load<u16>(ids + OPERATION_AT));
    for (let i: u32 = 0; i < plan.budgetCount; i++) {
      if (plugin.budgetStateAt(i).applies(bit, ids)) this.applies |= 1 << i;
    }
    if (this.applies == 0) return;
    this.callerMicros = NO_BUDGET;
    if (!caller.trusted) return;
    this.tighten(budgetMicros(plugin.request.value(plan.budgetHeader)));
    this.tighten(grpcTimeoutMicros(plugin.request.value(plugin.grpcTimeout)));
  }

  private tighten(micros: u64): void {
    if (micros == GARBAGE) noteFailure(Failure.CallerBudget);
    else this.callerMicros = min(this.callerMicros, micros);
  }

  /** Whether the caller's time was over before the request came, and a budget says not to try. */
  isSpent(plugin: Plugin): bool {
    if (this.applies == 0 || this.callerMicros != 0) return false;
    for (let i: u32 = 0; i < plugin.plan.budgetCount; i++) {
      if (this.has(i) && plugin.plan.budgetAt(i).shed) return true;
    }
    return false;
  }

  /** Forwards what is left, where a budget asks for it: the caller's budget or ours, without the time spent here. */
  propagate(plugin: Plugin, startNanos: u64): void {
    if (this.applies == 0) return;
    const plan = plugin.plan;
    let limit = NO_BUDGET;
    for (let i: u32 = 0; i < plan.budgetCount; i++) {
      const budget = plan.budgetAt(i);
      if (this.has(i) && budget.propagate)
        limit = min(limit, effectiveLimit(budget.limitMicros, this.callerMicros));
    }
    if (limit == NO_BUDGET || plan.budgetHeader == NO_HEADER) return;
    const spent = microsSince(startNanos);
    const left = spent == NO_TIME ? limit : saturatingSubtract(limit, spent);
    const name = rangeAt(plan.headers, plan.budgetHeader);
    writer.init(buffer, 256).decimal(left);
    if (writeHeader(REQUEST_HEADERS, name.ptr, name.len, buffer, writer.len) != Status.Ok)
      noteFailure(Failure.Headers);
  }

  /** The response's headers: the first byte is here. */
  onFirstByte(plugin: Plugin, startNanos: u64): void {
    if (this.applies == 0) return;
    const spent = microsSince(startNanos);
    if (spent == NO_TIME) return;
    this.firstByteMicros = max<u64>(spent, 1);
    this.announce(plugin);
    if (plugin.plan.filterState) this.publish(plugin, this.firstByteMicros, false);
  }

  /** Announces the tightest of the budgets that announce. */
  private announce(plugin: Plugin): void {
    const plan = plugin.plan;
    let tightest = plan.budgetCount;
    for (let i: u32 = 0; i < plan.budgetCount; i++) {
      const budget = plan.budgetAt(i);
      if (!this.has(i) || !budget.announce) continue;
      if (tightest == plan.budgetCount || budget.limitMicros < plan.budgetAt(tightest).limitMicros)
        tightest = i;
    }
    if (tightest == plan.budgetCount) return;
    const budget = plan.budgetAt(tightest);
    const limit = effectiveLimit(budget.limitMicros, this.callerMicros);
    writer.init(buffer, 256).bytes(budget.name, budget.nameLength).ascii(";limit=").decimal(limit);
    writer.ascii(";spent=").decimal(this.firstByteMicros);
    if (this.firstByteMicros > limit) writer.ascii(";over=").decimal(this.firstByteMicros - limit);
    const status = writeHeader(RESPONSE_HEADERS, "x-latency-budget", 16, buffer, writer.len);
    if (status != Status.Ok) noteFailure(Failure.Headers);
  }

  /** The end of a request that took `totalMicros`: judges every budget. `streams`: the response has no natural end. */
  judge(plugin: Plugin, ids: usize, totalMicros: u64, streams: bool): void {
    const plan = plugin.plan;
    let known = false;
    let upstream: u64 = 0;
    const first = this.firstByteMicros == 0 ? totalMicros : this.firstByteMicros;
    for (let i: u32 = 0; i < plan.budgetCount; i++) {
      if (!this.has(i)) continue;
      const state = plugin.budgetStateAt(i);
      state.noteRequest();
      const complete = state.budget.complete && !streams;
      const spent = complete ? totalMicros : first;
      const limit = effectiveLimit(state.budget.limitMicros, this.callerMicros);
      if (spent <= limit && this.callerMicros != 0) continue;
      if (!known) upstream = upstreamShare(first, totalMicros);
      known = true;
      // After the first byte all time is the upstream's.
      const upstreamTime = upstream + (spent - first);
      const share = this.shareOf(spent, upstreamTime);
      state.noteViolation(share);
      sampleViolation(plugin, ids, state.budget, share, spent, limit, upstreamTime);
    }
    if (known && plan.filterState) this.publish(plugin, totalMicros, !streams);
  }

  /** A request that was shed: its caller's time was over. */
  shed(plugin: Plugin, ids: usize): void {
    for (let i: u32 = 0; i < plugin.plan.budgetCount; i++) {
      if (!this.has(i)) continue;
      const state = plugin.budgetStateAt(i);
      state.noteRequest();
      state.noteViolation(Share.Arrival);
      sampleViolation(plugin, ids, state.budget, Share.Arrival, 0, 0, 0);
    }
    if (plugin.plan.filterState) this.publish(plugin, 0, true);
  }

  private shareOf(spent: u64, upstream: u64): Share {
    if (this.callerMicros == 0) return Share.Arrival;
    return upstream << 1 >= spent ? Share.Upstream : Share.Proxy;
  }

  /** Publishes the names of the budgets that are broken by now; `complete`: those of the whole response too. */
  private publish(plugin: Plugin, nowMicros: u64, complete: bool): void {
    const plan = plugin.plan;
    let broken: u32 = 0;
    for (let i: u32 = 0; i < plan.budgetCount; i++) {
      const budget = plan.budgetAt(i);
      if (!this.has(i)) continue;
      const first = this.firstByteMicros == 0 ? nowMicros : this.firstByteMicros;
      const spent = complete && budget.complete ? nowMicros : first;
      const over = spent > effectiveLimit(budget.limitMicros, this.callerMicros) || this.callerMicros == 0;
      if (over) broken |= 1 << i;
    }
    if (broken != 0) writeBrokenBudgets(plan, broken);
  }

  private has(budget: u32): bool {
    return ((this.applies >> budget) & 1) != 0;
  }
}

/** Microseconds of the upstream in the time to the first byte: three or four property reads, for broken budgets only. */
function upstreamShare(first: u64, total: u64): u64 {
  const pool = durationMicros("upstream\0cx_pool_ready_duration");
  // Envoy times the last attempt only; the time of those before it was the upstream's too.
  const backend = upstreamAttempts() > 1 ? NO_BUDGET : durationMicros("response\0backend_latency");
  if (backend == NO_BUDGET && neverConnected()) return 0;
  return upstreamMicros(first, pool, backend, total - first);
}

/** Envoy's wait for a connection ends with its failure too: there was no upstream then. */
function neverConnected(): bool {
  if (readProperty("response\0flags") != Status.Ok || returnedLength() != 8) return false;
  return (load<u64>(returnedBytes()) & UPSTREAM_CONNECTION_FAILURE) != 0;
}

function durationMicros(path: Text): u64 {
  if (readProperty(path) != Status.Ok || returnedLength() != 8) return NO_BUDGET;
  const nanos = load<i64>(returnedBytes());
  return nanos < 0 ? NO_BUDGET : <u64>nanos / 1000;
}
