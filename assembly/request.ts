import { admitWaiting, classify } from "./classifier";
import { writeRequestState, writeVerdict } from "./filterstate";
import { REQUEST_HEADERS } from "./host/abi";
import { monotonicNanos } from "./host/clock";
import { readPairs } from "./host/headers";
import { Status } from "./host/status";
import { returnedBytes, returnedLength } from "./host/value";
import { Failure } from "./metrics/catalog";
import { RESULT_AT } from "./metrics/family";
import { noteFailure } from "./metrics/failures";
import { Plugin } from "./plugin";
import { readOutcome, recordTimings } from "./response";

/** One request, from its headers to its log. Recycled; every field is zero at the start. */
@unmanaged
export class Request {
  /** The pool's, while the slot is free. */
  private link: usize;
  /** Context id of the stream: a slot answers to no other. */
  contextId: u32;
  plugin: Plugin;
  begun: bool;
  startNanos: u64;
  /** u16 each: result, operation, then up to 8 dimensions. */
  ids0: u64;
  ids1: u64;
  ids2: u64;

  get ids(): usize {
    return changetype<usize>(this) + offsetof<Request>("ids0");
  }

  /** The request's headers: what is it, and may it pass? */
  onHeaders(): void {
    if (changetype<usize>(this.plugin.plan) == 0) return;
    this.startNanos = monotonicNanos();
    this.begun = true;
    this.identify();
    admitWaiting(this.plugin, this.ids, this.startNanos);
    if (this.plugin.plan.filterState) writeRequestState(this.plugin, this.ids);
  }

  private identify(): void {
    this.scan();
    classify(this.plugin, this.ids);
  }

  private scan(): void {
    const scan = this.plugin.request;
    const status = readPairs(REQUEST_HEADERS);
    if (status == Status.Ok && scan.read(returnedBytes(), returnedLength())) return;
    scan.clear();
    if (status != Status.NotFound) noteFailure(Failure.Headers);
  }

  /** The end of the stream; its first callback where the request was refused before it came to us. */
  onLog(): void {
    const plugin = this.plugin;
    if (changetype<usize>(plugin.plan) == 0) return;
    if (!this.begun) this.identify();
    const result = readOutcome(plugin);
    store<u16>(this.ids + RESULT_AT, <u16>result);
    plugin.recorder.countRequest(this.ids);
    if (this.begun) plugin.recorder.recordDuration(this.ids, this.durationMicros());
    recordTimings(plugin, this.ids);
    if (!plugin.plan.filterState) return;
    if (!this.begun) writeRequestState(plugin, this.ids);
    writeVerdict(result);
  }

  private durationMicros(): u64 {
    const now = monotonicNanos();
    if (now >= this.startNanos && this.startNanos != 0) return (now - this.startNanos) / 1000;
    noteFailure(Failure.Clock);
    return 0;
  }
}
