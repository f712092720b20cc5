import { compare, population } from "../k6-distribution.ts";
import type { K6Run } from "../k6-process.ts";
import { parametersOf, warmUpSeconds, type RunOptions } from "../k6-scenario.ts";
import type { WindowedParameters } from "../k6/windows.ts";
import { windowCount } from "../k6/windows.ts";
import type { Comparison, Population, Verdict } from "../k6-types.ts";
import { verdict } from "../k6-verdicts.ts";

const pairs = 20;
const shortestSeconds = 0.5;

/** Parameters for twenty pairs of windows, fewer where they would be shorter than half a second. */
export function windowedParameters(
  options: RunOptions,
  targets: WindowedParameters["targets"],
): WindowedParameters {
  const windowSeconds = Math.max(shortestSeconds, options.durationSeconds / (2 * pairs));
  const exact = { ...parametersOf(options, targets), windowSeconds };
  // What is left over would be a window without a partner.
  return { ...exact, durationSeconds: windowCount(exact) * windowSeconds };
}

/** All requests of the whole run at this rate. */
export function always(perSecond: number, { durationSeconds }: WindowedParameters): number {
  return perSecond * (warmUpSeconds + durationSeconds);
}

/** All requests at this rate in every second window. */
export function halfTheTime(perSecond: number, { durationSeconds }: WindowedParameters): number {
  return (perSecond * durationSeconds) / 2;
}

/** Populations of a run in this order. */
export function populations({ samples }: K6Run, ...names: readonly string[]): Population[] {
  return names.map((name) => population(name, samples.population(name)));
}

/** One population of a run against another, window by window. */
export function contrast({ samples }: K6Run, name: string, baseline: string): Comparison {
  const side = (one: string) => ({ name: one, sliced: samples.population(one) });
  return compare(side(name), side(baseline), "client");
}

/** That a p99 is not higher by more than so many microseconds for sure: the interval reaches below. */
export function notSlower({ name, baseline, p99 }: Comparison, atMostMicros: number): Verdict {
  return verdict(
    `p99 of "${name}" over "${baseline}", lower end of the 95% interval`,
    [p99.low, "<=", atMostMicros],
    "us",
  );
}
