import { mean, quantileSorted } from "simple-statistics";
import { bootstrap, type Estimate } from "../statistics.ts";
import type { Column } from "./k6-samples.ts";
import type { Comparison, Distribution, Population } from "./k6-types.ts";

const shares = [
  ...Array.from({ length: 99 }, (_, index) => (index + 1) / 100),
  ...Array.from({ length: 9 }, (_, index) => (991 + index) / 1000),
];

/** The figures of a set of latencies in microseconds; all NaN for an empty one. */
export function distribution(micros: readonly number[]): Distribution {
  const sorted = micros.toSorted((a, b) => a - b);
  // simple-statistics refuses an empty sample.
  const at = (share: number): number => (sorted.length === 0 ? NaN : quantileSorted(sorted, share));
  return {
    count: sorted.length,
    mean: sorted.length === 0 ? NaN : mean(sorted),
    p50: at(0.5),
    p90: at(0.9),
    p99: at(0.99),
    p999: at(0.999),
    max: sorted.at(-1) ?? NaN,
    curve: sorted.length === 0 ? [] : shares.map((share) => [share, at(share)] as const),
  };
}

/** A population's figures from its requests; `more` adds what k6 does not know. */
export function population(
  name: string,
  column: Column,
  more: Partial<Pick<Population, "inEnvoy" | "ran">> = {},
): Population {
  return {
    name,
    requests: column.micros.length,
    unexpected: [...column.faults.values()].reduce((total, times) => total + times, 0),
    statuses: Object.fromEntries([...column.statuses].toSorted(([a], [b]) => a.localeCompare(b))),
    latency: distribution(column.micros),
    ...more,
  };
}

/** Latencies with the slice of time each belongs to. */
export type Sliced = Pick<Column, "micros" | "rounds">;

/** A named set of latencies. */
export interface Side {
  readonly name: string;
  readonly sliced: Sliced;
}

/**
 * Quantiles of one side minus those of the other, over the slices that both have. The interval is the bootstrap's with
 * whole pairs of slices drawn, so that what disturbed a pair of slices stays in both sides of a draw.
 */
export function compare(side: Side, baseline: Side, clock: Comparison["clock"]): Comparison {
  const ours = new SlicedQuantiles(side.sliced);
  const theirs = new SlicedQuantiles(baseline.sliced);
  const rounds = ours.rounds().filter((round) => theirs.has(round));
  const difference = (share: number): Estimate =>
    bootstrap(rounds, (drawn) => ours.quantile(share, drawn) - theirs.quantile(share, drawn));
  return {
    name: side.name,
    baseline: baseline.name,
    clock,
    p50: difference(0.5),
    p90: difference(0.9),
    p99: difference(0.99),
    p999: difference(0.999),
  };
}

/** Quantiles over any multiset of slices, without sorting anew for each. */
class SlicedQuantiles {
  private readonly micros: Float64Array;
  private readonly slots: Int32Array;
  private readonly slotOf = new Map<number, number>();
  private readonly sizes: number[] = [];

  constructor({ micros, rounds }: Sliced) {
    const order = Array.from(micros.keys()).toSorted((a, b) => (micros[a] ?? 0) - (micros[b] ?? 0));
    this.micros = Float64Array.from(order, (index) => micros[index] ?? NaN);
    this.slots = Int32Array.from(order, (index) => this.slot(rounds[index] ?? -1));
    for (const slot of this.slots) this.sizes[slot] = (this.sizes[slot] ?? 0) + 1;
  }

  rounds(): number[] {
    return [...this.slotOf.keys()];
  }

  has(round: number): boolean {
    return this.slotOf.has(round);
  }

  /** The smallest latency that at least this share of the drawn slices' requests does not exceed. */
  quantile(share: number, drawn: readonly number[]): number {
    const weights = new Float64Array(this.sizes.length);
    let total = 0;
    for (const round of drawn) {
      const slot = this.slotOf.get(round) ?? -1;
      weights[slot] = (weights[slot] ?? 0) + 1;
      total += this.sizes[slot] ?? 0;
    }
    const wanted = share * total;
    let seen = 0;
    for (const [index, slot] of this.slots.entries()) {
      seen += weights[slot] ?? 0;
      if (seen >= wanted && seen > 0) return this.micros[index] ?? NaN;
    }
    return NaN;
  }

  private slot(round: number): number {
    const slot = this.slotOf.get(round) ?? this.slotOf.size;
    this.slotOf.set(round, slot);
    return slot;
  }
}
