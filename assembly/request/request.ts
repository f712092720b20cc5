import { Caller } from "./caller";
import { ALL_LABELS, admitWaiting, classify, placeCharged } from "./classifier";
import { writeRequestState, writeUser, writeVerdict } from "./filterstate";
import { REQUEST_HEADERS } from "../host/abi";
import { monotonicNanos, wallNanos } from "../host/clock";
import { readPairs } from "../host/headers";
import { Status } from "../host/status";
import { returnedBytes, returnedLength } from "../host/value";
import { Failure, Result } from "../metrics/catalog";
import { RESULT_AT } from "../metrics/family";
import { noteFailure } from "../metrics/failures";
import { Plugin } from "../plugin";
import { Verdict, refuses } from "../policy/verdict";
import { isGrpcRequest } from "../trading/outcome";
import { announce, keepAnnouncement } from "./announcement";
import { Deadline } from "./budgets";
import { NO_TIME, microsSince } from "./elapsed";
import { Gathered, chargeCount, gatherCharges } from "./charges";
import { Quotas, decideCharges, noteDecisions } from "./quotas";
import { refuseFailed, refuseOverQuota, refuseSpent, refuseUnidentified } from "./refusal";
import { isStream, readOutcome, recordTimings } from "./response";

const caller = changetype<Caller>(memory.data(offsetof<Caller>()));

/** One request, from its headers to its log. Recycled. */
@unmanaged
export class Request {
  /** The pool's, while the slot is free. */
  private link: usize;
  /** Context id of the stream: a slot answers to no other. */
  contextId: u32;
  plugin: Plugin;
  begun: bool;
  /** The `Result` of a request that we answered; 0 of one that went on. */
  refused: u8;
  /** What to announce on the response, or 0. */
  announcement: usize;
  startNanos: u64;
  /** When the response's headers came, microseconds since 1970, where that is of interest; else 0. */
  responseMicros: u64;
  /** u16 each: result, operation, then up to 8 dimensions. */
  ids0: u64;
  ids1: u64;
  ids2: u64;

  private deadline0: u64;
  private deadline1: u64;
  private deadline2: u64;

  /** A new stream. One by one: for so few bytes `memory.fill` costs a call into the engine. */
  begin(contextId: u32, plugin: Plugin): void {
    this.contextId = contextId;
    this.plugin = plugin;
    this.begun = false;
    this.refused = 0;
    this.announcement = 0;
    this.startNanos = 0;
    this.responseMicros = 0;
    this.ids0 = 0;
    this.ids1 = 0;
    this.ids2 = 0;
    this.deadline0 = 0;
    this.deadline1 = 0;
    this.deadline2 = 0;
  }

  /** Its budgets: a `Deadline`, 24 bytes. */
  get deadline(): Deadline {
    return changetype<Deadline>(changetype<usize>(this) + offsetof<Request>("deadline0"));
  }

  get ids(): usize {
    return changetype<usize>(this) + offsetof<Request>("ids0");
  }

  /** The request's headers: what is it, and may it pass? True: it may. */
  onHeaders(): bool {
    const plugin = this.plugin;
    if (changetype<usize>(plugin.plan) == 0) return true;
    this.startNanos = monotonicNanos();
    this.begun = true;
    const readable = this.identify();
    this.refused = <u8>this.finish(readable || !plugin.plan.failureDeny ? this.judge() : Verdict.Failed);
    if (this.refused == 0) {
      admitWaiting(plugin, this.ids, this.startNanos, ALL_LABELS);
      this.deadline.propagate(plugin, this.startNanos);
    }
    if (plugin.plan.filterState) this.publish();
    return this.refused == 0;
  }

  private publish(): void {
    const plugin = this.plugin;
    writeRequestState(plugin.recorder, plugin.stateNames, this.ids);
    // Span tags are read before the log: the verdict is told as soon as it is known, and told again then.
    writeVerdict(this.refused != 0 ? <Result>this.refused : Result.Aborted);
    if (!plugin.hashesUsers) return;
    caller.identify(plugin);
    if (caller.userLength != 0) writeUser(plugin.logKey0, plugin.logKey1, caller.user, caller.userLength);
  }

  private judge(): Verdict {
    const plugin = this.plugin;
    if (plugin.plan.budgetCount != 0) this.deadline.begin(plugin, caller, this.ids);
    if (this.deadline.isSpent(plugin)) return Verdict.BudgetSpent;
    if (plugin.plan.quotaCount == 0) return Verdict.Pass;
    placeCharged(plugin, this.ids, this.startNanos);
    const gathered = gatherCharges(plugin, caller, this.ids);
    if (gathered == Gathered.Unidentified) return Verdict.Unidentified;
    if (chargeCount == 0) return Verdict.Pass;
    const outcome = decideCharges(this.startNanos);
    noteDecisions(plugin, outcome);
    if (outcome == Quotas.Refused) return Verdict.OverQuota;
    if (outcome == Quotas.Failed) return Verdict.Failed;
    this.announcement = keepAnnouncement(this.startNanos);
    return Verdict.Pass;
  }

  /** Acts on the verdict. Returns the `Result` of a request that was answered here; 0 (`Ok`): it goes on. */
  private finish(verdict: Verdict): Result {
    const plan = this.plugin.plan;
    if (!refuses(verdict, plan.observe, plan.failureDeny)) return Result.Ok;
    const grpc = isGrpcRequest(this.plugin.request.value(this.plugin.contentType));
    let result = Result.Failed;
    let sent = false;
    if (verdict == Verdict.OverQuota) {
      result = Result.QuotaDenied;
      sent = refuseOverQuota(grpc, this.startNanos);
    } else if (verdict == Verdict.BudgetSpent) {
      result = Result.BudgetDenied;
      sent = refuseSpent(grpc);
    } else if (verdict == Verdict.Unidentified) {
      result = Result.Unidentified;
      sent = refuseUnidentified(grpc);
    } else sent = refuseFailed(grpc);
    if (sent) return result;
    // The host did not take the reply: the request cannot be held back.
    noteFailure(Failure.Reply);
    return Result.Ok;
  }

  /** The response's headers: the first byte is here. */
  onResponseHeaders(): void {
    // Our own reply is no response of the upstream.
    if (this.refused != 0) return;
    if (this.plugin.seesMarketData) this.responseMicros = wallNanos() / 1000;
    this.deadline.onFirstByte(this.plugin, this.startNanos);
    if (this.announcement != 0) announce(this.plugin, this.announcement);
    this.publishOutcome();
  }

  /** The response's trailers: gRPC tells its status here. */
  onResponseTrailers(): void {
    if (this.refused == 0) this.publishOutcome();
  }

  private publishOutcome(): void {
    const plan = this.plugin.plan;
    if (changetype<usize>(plan) != 0 && plan.filterState) writeVerdict(readOutcome(this.plugin));
  }

  /** Reads what the request's headers say. False: they could not be read, which is as if there were none. */
  private identify(): bool {
    const readable = this.scan();
    caller.meet(this.plugin);
    classify(this.plugin, caller.trusted, this.ids);
    return readable;
  }

  private scan(): bool {
    const scan = this.plugin.request;
    const status = readPairs(REQUEST_HEADERS);
    if (status == Status.Ok && scan.read(returnedBytes(), returnedLength())) return true;
    scan.clear();
    if (status != Status.NotFound) noteFailure(Failure.Headers);
    return false;
  }

  /** The end of the stream; its first callback where the request was refused before it came to us. */
  onLog(): void {
    const plugin = this.plugin;
    if (changetype<usize>(plugin.plan) == 0) return;
    if (!this.begun) this.identify();
    const result = this.refused != 0 ? <Result>this.refused : readOutcome(plugin);
    store<u16>(this.ids + RESULT_AT, <u16>result);
    plugin.recorder.countRequest(this.ids);
    if (this.begun) {
      const micros = this.durationMicros();
      plugin.recorder.recordDuration(this.ids, micros);
      this.judgeBudgets(micros);
    }
    if (this.refused == 0) recordTimings(plugin, this.ids, this.responseMicros);
    if (!plugin.plan.filterState) return;
    if (!this.begun) this.publish();
    writeVerdict(result);
  }

  private judgeBudgets(micros: u64): void {
    if (this.deadline.applies == 0) return;
    if (this.refused == <u8>Result.BudgetDenied) this.deadline.shed(this.plugin, this.ids);
    else if (this.refused == 0) this.deadline.judge(this.plugin, this.ids, micros, isStream(this.plugin));
  }

  private durationMicros(): u64 {
    const micros = microsSince(this.startNanos);
    return micros == NO_TIME ? 0 : micros;
  }
}

/** Answers a stream that there was no memory for. True: it is held back. */
export function refuseWithoutMemory(): bool {
  if (refuseFailed(false)) return true;
  noteFailure(Failure.Reply);
  return false;
}
