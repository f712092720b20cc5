import { monotonicNanos } from "../host/clock";
import { Failure } from "../metrics/catalog";
import { noteFailure } from "../metrics/failures";

/** What `microsSince` says when the clock has failed, now or at the start. */
export const NO_TIME: u64 = u64.MAX_VALUE;

/** Microseconds since a reading of the monotonic clock. A failure is counted. */
export function microsSince(startNanos: u64): u64 {
  const now = monotonicNanos();
  if (now >= startNanos && startNanos != 0) return (now - startNanos) / 1000;
  noteFailure(Failure.Clock);
  return NO_TIME;
}
