import { quantileSorted } from "simple-statistics";

/** Where an axis begins and ends, and how far its marks are apart. */
export interface Span {
  readonly min: number;
  readonly max: number;
  readonly interval: number;
}

const MOST_MARKS = 4;
/** Ends beyond these quantiles, and beyond a good part of what lies between them, are outliers. */
const INNER = [0.1, 0.9] as const;
const MARGIN = 0.6;

/** A span with round ends that holds all of `needed` and, but for outliers, all of `ends`. */
export function axisAround(ends: readonly number[], needed: readonly number[]): Span {
  const sorted = ends.filter((end) => Number.isFinite(end)).toSorted((a, b) => a - b);
  if (sorted.length === 0) return { min: 0, max: 1, interval: 1 };
  const [low, high] = INNER.map((share) => quantileSorted(sorted, share));
  const margin = MARGIN * ((high ?? NaN) - (low ?? NaN));
  const min = Math.min(...needed, Math.max(sorted[0] ?? 0, (low ?? 0) - margin));
  const max = Math.max(...needed, Math.min(sorted.at(-1) ?? 0, (high ?? 0) + margin));
  const interval = roundStep((max - min) / (MOST_MARKS - 1));
  return { min: Math.floor(min / interval) * interval, max: Math.ceil(max / interval) * interval, interval };
}

/** The next of 1, 2, 2.5, 5 times a power of ten. */
function roundStep(least: number): number {
  const unit = 10 ** Math.floor(Math.log10(Math.max(least, 1e-9)));
  const step = [1, 2, 2.5, 5, 10].find((one) => one * unit >= least) ?? 10;
  return step * unit;
}
