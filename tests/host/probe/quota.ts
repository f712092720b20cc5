// The quota's arithmetic and the keyed hash of the filter, one number at a time.
import { sipHash } from "../../../assembly/memory/siphash";
import * as quota from "../../../assembly/policy/quota";
import { WIDE_BYTES, Wide } from "../../../assembly/policy/wide";

const rate = changetype<quota.Rate>(memory.data(128));
const tat = changetype<Wide>(memory.data(WIDE_BYTES));
const bytes = memory.data(4096);

export function setRate(limit: u64, windowNanos: u64, burst: u64): void {
  rate.init(limit, windowNanos, burst);
}

export function interval(): u64 {
  return rate.interval;
}

export function windowSeconds(): u64 {
  return rate.windowSeconds;
}

export function quotaUnits(): u64 {
  return rate.quotaUnits;
}

export function setTat(lo: u64, hi: u64): void {
  tat.set(lo, hi);
}

export function tatLo(): u64 {
  return tat.lo;
}

export function tatHi(): u64 {
  return tat.hi;
}

export function spend(now: u64, cost: u64): bool {
  return quota.spend(rate, tat, now, cost);
}

export function refund(cost: u64, elapsed: u64): void {
  quota.refund(rate, tat, cost, elapsed);
}

export function isFull(now: u64): bool {
  return quota.isFull(tat, now);
}

export function remaining(now: u64): u64 {
  return quota.remaining(rate, tat, now);
}

export function tokensAhead(now: u64): u32 {
  return quota.tokensAhead(rate, tat, now);
}

export function wait(now: u64, cost: u64): u64 {
  return quota.waitNanos(rate, tat, now, cost);
}

export function address(): usize {
  return bytes;
}

export function hash(first: u64, second: u64, length: u32): u64 {
  return sipHash(first, second, bytes, length);
}
