import { HUGE, isDigit, timesTen } from "./decimal";
import { wordIndex } from "./words";

export const NANOS_PER_MICRO: u64 = 1_000;
export const NANOS_PER_MILLI: u64 = 1_000_000;
export const NANOS_PER_SECOND: u64 = 1_000_000_000;
export const NANOS_PER_HOUR: u64 = 3_600_000_000_000;

/** What a text that is no duration is read as. */
export const NO_DURATION: u64 = u64.MAX_VALUE;

/** Nanoseconds of `250us`, `10ms`, `1s`, `5m`, `1h`: digits without needless zeros, then a unit. `HUGE` when larger than that. */
export function parseDuration(ptr: usize, len: u32): u64 {
  let digits: u32 = 0;
  let value: u64 = 0;
  while (digits < len && isDigit(load<u8>(ptr + digits))) {
    value = min(HUGE, timesTen(value) + (load<u8>(ptr + digits) - 0x30));
    digits += 1;
  }
  if (digits == 0 || (digits > 1 && load<u8>(ptr) == 0x30)) return NO_DURATION;
  const unit = wordIndex("us, ms, s, m, h", ptr + digits, len - digits);
  return unit < 0 ? NO_DURATION : scaled(value, unit);
}

function scaled(value: u64, unit: i32): u64 {
  let nanos = NANOS_PER_MICRO;
  for (let i = 0; i < unit; i++) nanos *= i < 2 ? 1000 : 60;
  return value > HUGE / nanos ? HUGE : value * nanos;
}
