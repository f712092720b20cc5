import { gammaln } from "simple-statistics";

/** `hits` of `total` had a property. */
export interface Proportion {
  readonly hits: number;
  readonly total: number;
}

/** hits/total; 0 of none. */
export function shareOf({ hits, total }: Proportion): number {
  return total === 0 ? 0 : Math.min(1, hits / total);
}

/**
 * Bounds of the true share, each wrong with probability 1 - confidence at most: Clopper and Pearson's exact ones.
 * Approximations (Wilson) are too bold for the few errors in a hundred requests that matter here.
 */
export function shareBounds({ hits, total }: Proportion, confidence: number): { low: number; high: number } {
  if (total === 0) return { low: 0, high: 1 };
  return {
    low: hits <= 0 ? 0 : betaQuantile(1 - confidence, hits, total - hits + 1),
    high: hits >= total ? 1 : betaQuantile(confidence, hits + 1, total - hits),
  };
}

/** How much greater the first share is at least, with this confidence: Newcombe's combination of both bounds. */
export function leastIncrease(of: Proportion, over: Proportion, confidence: number): number {
  const first = shareOf(of);
  const second = shareOf(over);
  const { low } = shareBounds(of, confidence);
  const { high } = shareBounds(over, confidence);
  return first - second - Math.hypot(first - low, high - second);
}

const halvings = 60;

function betaQuantile(probability: number, a: number, b: number): number {
  let [low, high] = [0, 1];
  for (let i = 0; i < halvings; i++) {
    const middle = (low + high) / 2;
    if (betaCdf(middle, a, b) < probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The regularised incomplete beta function, by its continued fraction from the side where that converges fast. */
function betaCdf(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - betaCdf(1 - x, b, a);
  const logarithm = gammaln(a + b) - gammaln(a) - gammaln(b) + a * Math.log(x) + b * Math.log1p(-x);
  return (Math.exp(logarithm) / a) * betaFraction(x, a, b);
}

const mostTerms = 10_000;
const enough = 1e-12;
const tiny = 1e-300;

/** Lentz's evaluation: the fraction is built up from its front, until a pair of terms changes nothing. */
function betaFraction(x: number, a: number, b: number): number {
  let c = 1;
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m <= mostTerms; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / nonZero(1 + even * d);
    c = nonZero(1 + even / c);
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / nonZero(1 + odd * d);
    c = nonZero(1 + odd / c);
    fraction *= d * c;
    if (Math.abs(d * c - 1) < enough) break;
  }
  return fraction;
}

function nonZero(value: number): number {
  return Math.abs(value) < tiny ? tiny : value;
}
