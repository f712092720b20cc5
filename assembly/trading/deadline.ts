import { NO_BUDGET } from "../policy/budget";
import { HeaderValue } from "./headers";
import { NO_NUMBER, decimalValue } from "./numbers";

/** A value that is there but tells nothing: counted, then ignored. */
export const GARBAGE: u64 = 0xfffffffffffffffe;
/** Longer budgets than a day are taken for mistakes. */
const MAX_MICROS: u64 = 86_400_000_000;

/** Reads `x-latency-budget-us`: microseconds; `NO_BUDGET` when absent, `GARBAGE` when it tells nothing. */
export function budgetMicros(header: HeaderValue): u64 {
  if (header.copies == 0) return NO_BUDGET;
  const micros = header.copies == 1 ? decimalValue(header.ptr, header.len) : NO_NUMBER;
  return micros > MAX_MICROS ? GARBAGE : micros;
}

/** Reads `grpc-timeout`: at most 8 digits and a unit, rounded up to microseconds. */
export function grpcTimeoutMicros(header: HeaderValue): u64 {
  if (header.copies == 0) return NO_BUDGET;
  if (header.copies != 1 || header.len < 2 || header.len > 9) return GARBAGE;
  const value = decimalValue(header.ptr, header.len - 1);
  if (value == NO_NUMBER) return GARBAGE;
  const micros = inMicros(value, load<u8>(header.ptr + header.len - 1));
  // A long timeout is an ordinary one; it only tightens nothing.
  return micros != GARBAGE && micros > MAX_MICROS ? NO_BUDGET : micros;
}

function inMicros(value: u64, unit: u8): u64 {
  switch (unit) {
    case 0x48: // H
      return value * 3_600_000_000;
    case 0x4d: // M
      return value * 60_000_000;
    case 0x53: // S
      return value * 1_000_000;
    case 0x6d: // m
      return value * 1000;
    case 0x75: // u
      return value;
    case 0x6e: // n
      return (value + 999) / 1000;
    default:
      return GARBAGE;
  }
}
