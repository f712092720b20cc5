/** A caller that told no budget, or none that we believe. */
export const NO_BUDGET: u64 = 0xffffffffffffffff;

/** Who spent the time of a broken budget: label `share`. */
export enum Share {
  Upstream,
  Proxy,
  /** The caller had nothing left when the request came. */
  Arrival,
}

/** What a request may take: the operator's limit, which the caller can only tighten. Microseconds. */
export function effectiveLimit(limitMicros: u64, callerMicros: u64): u64 {
  return min(limitMicros, callerMicros);
}

/** `a - b`, at least 0. */
export function saturatingSubtract(a: u64, b: u64): u64 {
  return a > b ? a - b : 0;
}

/**
 * Microseconds from the upstream's readiness to its first byte.
 *
 * Envoy tells two things (seen on 1.40.0): `backend`, from the first byte sent upstream to the last byte received, and
 * `pool`, from the router's first step to the connection. Neither ends at the first byte nor begins at our headers, so
 * the first byte is placed by what came after it: `tail`, our own time from the response's headers to the log.
 * `NO_BUDGET` stands for a value that is not there: without `pool` there was no upstream at all.
 */
export function upstreamMicros(spent: u64, pool: u64, backend: u64, tail: u64): u64 {
  if (pool == NO_BUDGET) return 0;
  const sinceReady = saturatingSubtract(spent, pool);
  if (backend == NO_BUDGET) return sinceReady;
  // A slow client makes the tail longer than the upstream's body was; then only the upper bound is known.
  return tail < backend ? min(backend - tail, sinceReady) : min(backend, sinceReady);
}
