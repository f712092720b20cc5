import assert from "node:assert/strict";
import type { Sent } from "./traffic.ts";

/** A rate as the contract states it. */
export interface Rate {
  readonly limit: number;
  readonly windowNanos: bigint;
  readonly burst: number;
}

/** A request that passed, when, and what it cost. */
export interface Admitted {
  readonly nanos: bigint;
  readonly cost: number;
}

/** One bucket and the requests that are charged to it. */
export interface Bucket extends Rate {
  readonly name: string;
  /** Tokens that leases let through beyond the rate. */
  readonly extra?: number;
  /** 0: the request is not charged here. */
  costOf(sent: Sent): number;
}

/** Ticks (2^-16 ns) that one token takes: rounded up, so that nobody gains. */
export function intervalOf({ limit, windowNanos }: Rate): bigint {
  return ((windowNanos << 16n) + BigInt(limit) - 1n) / BigInt(limit);
}

/**
 * The law: over any interval T, at most `burst + limit * T / window` (and `extra`) was admitted. Compared as whole
 * numbers: nothing is rounded.
 */
export function assertBounded(admitted: readonly Admitted[], rate: Rate, extra = 0): void {
  const sorted = admitted.toSorted((a, b) => Number(a.nanos - b.nanos));
  for (const [first, { nanos: from }] of sorted.entries()) {
    let sum = 0n;
    for (const { nanos, cost } of sorted.slice(first)) {
      sum += BigInt(cost);
      const most = BigInt(rate.burst + extra) * rate.windowNanos + BigInt(rate.limit) * (nanos - from);
      assert.ok(
        sum * rate.windowNanos <= most,
        `${sum} in ${nanos - from} ns: burst ${rate.burst}, ${rate.limit} in ${rate.windowNanos} ns`,
      );
    }
  }
}
