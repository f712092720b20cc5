/** A stream of random numbers that is the same for the same seed. */
export class SeededRandom {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** Uniform in [0, 1). The generator is Tommy Ettinger's mulberry32. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Uniform integer in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** Log-normal with this median; `spread` is the standard deviation of the logarithm. */
  logNormal(median: number, spread: number): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()));
    return median * Math.exp(spread * radius * Math.cos(2 * Math.PI * this.next()));
  }

  /** One of the values, drawn by weight. */
  weighted<T>(choices: readonly Weighted<T>[]): T {
    let left = this.next() * choices.reduce((total, { weight }) => total + weight, 0);
    for (const { value, weight } of choices) {
      left -= weight;
      if (left < 0) return value;
    }
    const last = choices.at(-1);
    if (last === undefined) throw new Error("nothing to draw from");
    return last.value;
  }
}

/** A value and how often it is drawn, relative to the others. */
export interface Weighted<T> {
  readonly value: T;
  readonly weight: number;
}

/** Weights by Zipf's law: the n-th value is drawn 1/n^exponent as often as the first. */
export function zipf<T>(values: readonly T[], exponent = 1): Weighted<T>[] {
  return values.map((value, index) => ({ value, weight: 1 / (index + 1) ** exponent }));
}
