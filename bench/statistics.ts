import { median, quantile, sampleWithReplacement } from "simple-statistics";
import { CliError } from "../scripts/lib/cli.ts";
import { SeededRandom } from "../scripts/sample/random.ts";

/** An estimate with its 95 % confidence interval, all three in the unit of the samples. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** Samples (or pairs) it was made from. */
  readonly samples: number;
}

/** One round's value of the arm in question, and of the arm it is compared with in the same round. */
export interface Pair {
  readonly value: number;
  readonly base: number;
}

/** Draws of the bootstrap, and the seed of its random numbers: the same samples give the same interval. */
const BOOTSTRAP = { draws: 2000, seed: 20_261_123 };
const [LOW, HIGH] = [0.025, 0.975];

/** The median of samples. */
export function medianEstimate(samples: readonly number[]): Estimate {
  return bootstrap(samples, (drawn) => median(drawn));
}

/** The median of `value - base` over pairs that were measured in the same round. */
export function pairedDifference(pairs: readonly Pair[]): Estimate {
  return medianEstimate(pairs.map(({ value, base }) => value - base));
}

/** The ratio of two medians, rounds drawn as pairs; NaN bounds where the base's median may be 0. */
export function medianRatio(pairs: readonly Pair[]): Estimate {
  return bootstrap(pairs, (drawn) => {
    return median(drawn.map(({ value }) => value)) / median(drawn.map(({ base }) => base));
  });
}

/** The difference of one quantile (0 to 1) of two unpaired samples: each is drawn from on its own. */
export function quantileDifference(
  values: readonly number[],
  base: readonly number[],
  probability: number,
): Estimate {
  requireSamples(values);
  requireSamples(base);
  const random = new SeededRandom(BOOTSTRAP.seed);
  const drawn = (from: readonly number[]): number =>
    quantile(
      sampleWithReplacement([...from], from.length, () => random.next()),
      probability,
    );
  const differences = Array.from({ length: BOOTSTRAP.draws }, () => drawn(values) - drawn(base));
  return {
    value: quantile(values, probability) - quantile(base, probability),
    low: quantile(differences, LOW),
    high: quantile(differences, HIGH),
    samples: Math.min(values.length, base.length),
  };
}

/** Any statistic of samples, with the percentile bootstrap's interval around it. */
export function bootstrap<T>(samples: readonly T[], statistic: (drawn: readonly T[]) => number): Estimate {
  requireSamples(samples);
  const random = new SeededRandom(BOOTSTRAP.seed);
  const pool = [...samples];
  const values = Array.from({ length: BOOTSTRAP.draws }, () =>
    statistic(sampleWithReplacement(pool, pool.length, () => random.next())),
  );
  return {
    value: statistic(samples),
    low: quantile(values, LOW),
    high: quantile(values, HIGH),
    samples: samples.length,
  };
}

/** The same estimate in another unit. */
export function scaled(estimate: Estimate, factor: number): Estimate {
  const [low, high] = [estimate.low * factor, estimate.high * factor].toSorted((a, b) => a - b);
  return { ...estimate, value: estimate.value * factor, low: low ?? NaN, high: high ?? NaN };
}

function requireSamples(samples: readonly unknown[]): void {
  if (samples.length === 0)
    throw new CliError(
      "there are no samples to make an estimate from",
      "did every arm run at least a round?",
    );
}
