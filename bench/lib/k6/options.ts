import type { ConstantArrivalRateScenario, Options, RampingArrivalRateScenario } from "k6/options";

/** One open-model load: requests start on time whether or not earlier ones have been answered. */
export interface Arrivals {
  /** The function of the scenario's file that sends one request. */
  readonly exec: string;
  readonly ratePerSecond: number;
  readonly seconds: number;
  /** From the start of the run. */
  readonly startSeconds?: number;
  /** Requests that may be under way at once; one more is a dropped iteration, which fails the run. */
  readonly inFlight?: number;
}

const unboundedSeconds = 3600;

/** A k6 scenario of constant arrivals. */
export function arrivals(load: Arrivals): ConstantArrivalRateScenario {
  // k6 wants whole numbers: a rate of 12.5 a second is 45,000 an hour.
  const rate = Math.max(1, Math.round(load.ratePerSecond * unboundedSeconds));
  return {
    executor: "constant-arrival-rate",
    exec: load.exec,
    rate,
    timeUnit: `${unboundedSeconds}s`,
    duration: `${Math.round(load.seconds * 1000)}ms`,
    startTime: `${Math.round((load.startSeconds ?? 0) * 1000)}ms`,
    preAllocatedVUs: load.inFlight ?? 100,
    maxVUs: load.inFlight ?? 100,
    gracefulStop: "10s",
  };
}

/** Options of every scenario: nothing may be dropped, nothing unexpected answered, beside the scenario's own thresholds. */
export function options(
  scenarios: Readonly<Record<string, ConstantArrivalRateScenario | RampingArrivalRateScenario>>,
  thresholds: Readonly<Record<string, string[]>> = {},
): Options {
  return {
    scenarios: { ...scenarios },
    thresholds: { dropped_iterations: ["count==0"], unexpected: ["rate==0"], ...thresholds },
    discardResponseBodies: true,
    summaryTrendStats: ["count", "avg", "med", "max", "p(90)", "p(99)", "p(99.9)"],
    // Each tag is written with each of a dozen metrics a request; ours say all that is needed.
    systemTags: [],
  };
}
