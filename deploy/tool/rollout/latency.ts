import { countAbove, quantileOf, type Distribution } from "../metrics/distribution.ts";
import { leastIncrease, shareBounds, shareOf, type Proportion } from "./statistics.ts";
import { suspicion, type Finding, type Thresholds } from "./verdict.ts";

/** Times of the same requests' kind in both versions, in `unit`. */
export interface LatencySignal {
  readonly signal: string;
  readonly canary: Distribution;
  readonly stable: Distribution;
  readonly unit: "us" | "ms";
  /** An increase of less than this is never held against the new version; in `unit`. */
  readonly floor: number;
}

const quantiles = [0.5, 0.99];

/**
 * Judges p50 and p99 without estimating them for the new version: a bucket's bound is taken that lies above what is
 * allowed, and it is counted how many requests took longer. More than half, or than one in a hundred, are too many.
 */
export function judgeLatency(signal: LatencySignal, thresholds: Thresholds): Finding[] {
  if (signal.canary.total === 0 || signal.stable.total === 0) return [];
  return quantiles.map((q) => judgeQuantile(signal, q, thresholds));
}

function judgeQuantile(signal: LatencySignal, q: number, thresholds: Thresholds): Finding {
  const { canary, stable, unit, floor } = signal;
  const name = `${signal.signal}, p${q * 100}`;
  const before = quantileOf(q, stable);
  const figures = `${name}: ${rounded(quantileOf(q, canary))} ${unit}, old version ${rounded(before)} ${unit}`;
  const limit = Math.max(before * (1 + thresholds.maxLatencyIncrease), before + floor);
  const bound = canary.bounds.find((one) => one >= limit && stable.bounds.includes(one));
  if (bound === undefined) {
    return { signal: name, verdict: "unknown", text: `${figures}: beyond the highest bucket that both have` };
  }
  const slow = above(canary, bound);
  const most = 1 - q;
  const tooMany = (sure: number): boolean =>
    shareBounds(slow, sure).low > most && leastIncrease(slow, above(stable, bound), sure) > 0;
  if (shareOf(slow) <= most) return { signal: name, verdict: "ok", text: figures };
  const reason = `${percent(shareOf(slow))} % take over ${bound} ${unit}, ${percent(most)} % may`;
  if (tooMany(thresholds.confidence))
    return { signal: name, verdict: "worse", text: `${figures}: ${reason}` };
  if (tooMany(suspicion)) return { signal: name, verdict: "unclear", text: `${figures}: perhaps, ${reason}` };
  return { signal: name, verdict: "ok", text: figures };
}

function above(times: Distribution, bound: number): Proportion {
  return { hits: countAbove(times, bound) ?? 0, total: times.total };
}

function rounded(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function percent(share: number): string {
  return String(Number((share * 100).toPrecision(3)));
}
