import { WIDE_BYTES, Wide } from "./wide";

// GCRA (ITU-T I.371): a bucket is its theoretical arrival time (TAT), the moment at which it is full again. Times are
// in ticks of 2^-16 ns since the monotonic clock's zero, in 96 bits: a burst of 1e9 at 1 a day ends in 2.7 million
// years, and an interval that is no whole number of ticks is rounded up by less than 2e-5 of itself at 1e9 a second,
// 2e-14 at 1 a second. Rounding is only ever up, so nobody gets more than the rate.

/** Ticks of a nanosecond, as a shift. */
const TICK_SHIFT: u32 = 16;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/** What one tier of a quota allows. */
@unmanaged
export class Rate {
  /** Ticks that one token takes to come back. */
  interval: u64;
  /** Ticks that the TAT may lie ahead of the clock: the whole burst. */
  private toleranceLo: u64;
  private toleranceHi: u64;
  limit: u64;
  windowNanos: u64;
  burst: u64;
  /** Policy of the draft's header fields: `quotaUnits` in every `windowSeconds`. */
  windowSeconds: u64;
  quotaUnits: u64;

  get tolerance(): Wide {
    return changetype<Wide>(changetype<usize>(this) + offsetof<Rate>("toleranceLo"));
  }

  /** `limit` 1..1e9 per `windowNanos` (up to a day), `burst` 1..1e9. */
  init(limit: u64, windowNanos: u64, burst: u64): void {
    this.limit = limit;
    this.windowNanos = windowNanos;
    this.burst = burst;
    this.interval = ((windowNanos << TICK_SHIFT) + limit - 1) / limit;
    this.tolerance.product(this.interval, burst);
    // The window in which the whole burst comes back, in whole seconds and at least one, and what comes in it.
    const seconds = bound.product(windowNanos, burst).divide(limit * NANOS_PER_SECOND);
    this.windowSeconds = max<u64>(seconds + <u64>(bound.lo != 0), 1);
    this.quotaUnits = bound.product(limit * this.windowSeconds, NANOS_PER_SECOND).divide(windowNanos);
  }
}

const now = changetype<Wide>(memory.data(WIDE_BYTES));
const charge = changetype<Wide>(memory.data(WIDE_BYTES));
const bound = changetype<Wide>(memory.data(WIDE_BYTES));
const step = changetype<Wide>(memory.data(WIDE_BYTES));

function readClock(nanos: u64): void {
  const high = nanos >> (64 - TICK_SHIFT);
  now.set(nanos << TICK_SHIFT, high);
}

/**
 * Takes the whole cost or nothing: moves `tat` on when the tokens are there, and leaves it when not.
 * A clock that stands still or goes back refills nothing. `cost` is below 2^32.
 */
export function spend(rate: Rate, tat: Wide, nowNanos: u64, cost: u64): bool {
  readClock(nowNanos);
  bound.copy(now).add(rate.tolerance);
  charge.product(rate.interval, cost).add(tat.less(now) ? now : tat);
  if (bound.less(charge)) return false;
  tat.copy(charge);
  return true;
}

/**
 * Gives back what `spend` took `elapsedNanos` ago, less what time alone has given back since: the bucket may have been
 * full meanwhile, and then others were charged on top of a moment that the whole refund would take away again.
 */
export function refund(rate: Rate, tat: Wide, cost: u64, elapsedNanos: u64): void {
  readClock(elapsedNanos);
  tat.subtract(charge.product(rate.interval, cost).subtract(now));
}

/** Longer than any two workers' readings of the clock lie apart. */
const CLOCK_SLACK_NANOS: u64 = 1_000_000_000;

/**
 * Brings a TAT that this rate can't have made back to an empty bucket's: it is from before the limit was changed, or
 * the floor of a slot that other quotas have raised. True: it was changed. Nobody gains: a bucket's own TAT is never
 * further ahead than the burst takes.
 */
export function reinterpret(rate: Rate, tat: Wide, nowNanos: u64): bool {
  readClock(nowNanos + CLOCK_SLACK_NANOS);
  now.add(rate.tolerance);
  if (!now.less(tat)) return false;
  tat.copy(now);
  return true;
}

/** Whether the bucket is full: its state says no more than no state. */
export function isFull(tat: Wide, nowNanos: u64): bool {
  readClock(nowNanos);
  return !now.less(tat);
}

/** Tokens that could be spent at once. */
export function remaining(rate: Rate, tat: Wide, nowNanos: u64): u64 {
  readClock(nowNanos);
  bound
    .copy(now)
    .add(rate.tolerance)
    .subtract(tat.less(now) ? now : tat);
  return bound.divide(rate.interval);
}

/** Tokens charged up to `tat` whose emission time has not passed; the one of this very moment counts. */
export function tokensAhead(rate: Rate, tat: Wide, nowNanos: u64): u32 {
  readClock(nowNanos);
  if (tat.less(now)) return 0;
  bound.copy(tat).subtract(now);
  return <u32>bound.divide(rate.interval) + 1;
}

/** Nanoseconds until `cost` tokens could be spent, if nobody else spends: 0 now, never too short. */
export function waitNanos(rate: Rate, tat: Wide, nowNanos: u64, cost: u64): u64 {
  readClock(nowNanos);
  bound.copy(now).add(rate.tolerance);
  charge
    .product(rate.interval, cost)
    .add(tat.less(now) ? now : tat)
    .subtract(bound);
  step.set(((<u64>1) << TICK_SHIFT) - 1, 0);
  charge.add(step);
  if (charge.hi >> TICK_SHIFT != 0) return u64.MAX_VALUE;
  return (charge.hi << (64 - TICK_SHIFT)) | (charge.lo >> TICK_SHIFT);
}
