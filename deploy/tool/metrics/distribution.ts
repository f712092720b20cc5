import { quantile, type Histogram } from "../../../scripts/lib/prometheus.ts";

/** Observations by size: `counts[i]` of them are at most `bounds[i]`; `total` counts those beyond too. Plain JSON. */
export interface Distribution {
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  readonly total: number;
}

/** No observations. */
export const emptyDistribution: Distribution = { bounds: [], counts: [], total: 0 };

/** Of a scraped histogram. */
export function distributionOf({ buckets, count }: Histogram): Distribution {
  const finite = buckets.filter(({ le }) => Number.isFinite(le));
  return { bounds: finite.map(({ le }) => le), counts: finite.map(({ count: n }) => n), total: count };
}

/** Both together, at the bounds both have: pods may have been given different buckets. */
export function addDistributions(a: Distribution, b: Distribution): Distribution {
  if (a.total === 0) return b;
  if (b.total === 0) return a;
  return combine(a, b, (left, right) => left + right);
}

/** What came after `before`; all of `after` when the proxy has started anew in between. */
export function distributionSince(before: Distribution, after: Distribution): Distribution {
  if (before.total === 0 || after.total < before.total) return after;
  return combine(after, before, (now, then) => Math.max(0, now - then));
}

/** How many observations are above this bound, one of `bounds`; undefined for any other. */
export function countAbove({ bounds, counts, total }: Distribution, bound: number): number | undefined {
  const below = counts[bounds.indexOf(bound)];
  return below === undefined ? undefined : Math.max(0, total - below);
}

/** Estimate of the q-quantile, linear inside a bucket; NaN for no observations. */
export function quantileOf(q: number, { bounds, counts, total }: Distribution): number {
  const finite = bounds.map((le, index) => ({ le, count: counts[index] ?? 0 }));
  return quantile(q, { buckets: [...finite, { le: Infinity, count: total }], sum: 0, count: total });
}

function combine(a: Distribution, b: Distribution, both: (a: number, b: number) => number): Distribution {
  const others = new Map(b.bounds.map((bound, index) => [bound, b.counts[index] ?? 0]));
  const bounds: number[] = [];
  const counts: number[] = [];
  for (const [index, bound] of a.bounds.entries()) {
    const other = others.get(bound);
    if (other === undefined) continue;
    bounds.push(bound);
    counts.push(both(a.counts[index] ?? 0, other));
  }
  return { bounds, counts, total: both(a.total, b.total) };
}
