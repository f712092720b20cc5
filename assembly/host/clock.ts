import { clock_time_get } from "./abi";

const MONOTONIC: u32 = 1;
const REALTIME: u32 = 0;
const out = memory.data(8);

/** Nanoseconds of the monotonic clock, the same for all workers of the process; 0 when the host has none. */
export function monotonicNanos(): u64 {
  return clock_time_get(MONOTONIC, 0, out) == 0 ? load<u64>(out) : 0;
}

/** Nanoseconds since 1970 by the wall clock, which may step; 0 when the host has none. */
export function wallNanos(): u64 {
  return clock_time_get(REALTIME, 0, out) == 0 ? load<u64>(out) : 0;
}
