const NANOS_PER_MICRO = 1_000n;
const NANOS_PER_MILLI = 1_000_000n;

/** The proxy's two clocks, in nanoseconds. They stand still until a test moves them. */
export class Clock {
  /** The monotonic clock (WASI clock 1). Set it freely, backwards too. */
  monotonicNanos = 1_000_000_000_000n;
  /** The wall clock (WASI clock 0, proxy_get_current_time_nanoseconds), Unix time. */
  wallNanos = 1_750_000_000_000_000_000n;

  /** Moves both clocks without firing timers; `Proxy.advance` fires them. */
  move(nanos: bigint): void {
    this.monotonicNanos += nanos;
    this.wallNanos += nanos;
  }
}

/** Whole or fractional microseconds as nanoseconds. */
export function micros(count: number): bigint {
  return Number.isInteger(count) ? BigInt(count) * NANOS_PER_MICRO : BigInt(Math.round(count * 1000));
}

/** Whole or fractional milliseconds as nanoseconds. */
export function millis(count: number): bigint {
  return Number.isInteger(count) ? BigInt(count) * NANOS_PER_MILLI : BigInt(Math.round(count * 1_000_000));
}
