import { Failure } from "./catalog";

/** Counts by `Failure` since the last flush; the same for all configurations of the VM. */
const pending = memory.data(128);

/** Counts one failure of the filter. */
export function noteFailure(failure: Failure): void {
  const at = pending + ((<usize>failure) << 3);
  store<u64>(at, load<u64>(at) + 1);
}

/** Takes the count of a failure since the last time. */
export function takeFailures(failure: Failure): u64 {
  const at = pending + ((<usize>failure) << 3);
  const count = load<u64>(at);
  store<u64>(at, 0);
  return count;
}

/** Gives a count back that could not be written. */
export function giveBackFailures(failure: Failure, count: u64): void {
  const at = pending + ((<usize>failure) << 3);
  store<u64>(at, load<u64>(at) + count);
}
