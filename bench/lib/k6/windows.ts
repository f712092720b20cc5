import type { RampingArrivalRateScenario, Stage } from "k6/options";
import type { Parameters } from "./parameters.ts";

/** Parameters of a scenario that changes something back and forth, so that drift of the machine hits both states alike. */
export interface WindowedParameters extends Parameters {
  /** Length of one state; two windows, one of each state, make a pair. */
  readonly windowSeconds: number;
}

/** Where a moment lies. */
export interface Window {
  /** Number of the pair; -1 in the warm-up. */
  readonly round: number;
  /** Whether it is the window of its pair in which something is done. Pairs run off-on, on-off, off-on, ... */
  readonly on: boolean;
  /** How much of the window is over, 0 to 1. */
  readonly elapsed: number;
}

/** The window at so many seconds after the start of the run. */
export function windowAt(parameters: WindowedParameters, seconds: number): Window {
  const { warmUpSeconds, windowSeconds } = parameters;
  const position = (seconds - warmUpSeconds) / windowSeconds;
  if (position < 0) return { round: -1, on: false, elapsed: 0 };
  const index = Math.min(Math.floor(position), windowCount(parameters) - 1);
  return { round: Math.floor(index / 2), on: isOn(index), elapsed: Math.min(1, position - index) };
}

/** How many windows a run has: whole pairs only, at least one. */
export function windowCount({ durationSeconds, windowSeconds }: WindowedParameters): number {
  // A quotient such as 6 / 0.6 must not fall short of its whole number.
  return 2 * Math.max(1, Math.floor(durationSeconds / (2 * windowSeconds) + 1e-9));
}

/** Open-model load that changes with the window: `rateOf` gives the requests a second in each half of a window. */
export function windowedArrivals(
  parameters: WindowedParameters,
  exec: string,
  rateOf: (on: boolean, half: 0 | 1) => number,
): RampingArrivalRateScenario {
  const half = `${Math.round(parameters.windowSeconds * 500)}ms`;
  const stages = Array.from({ length: windowCount(parameters) }, (_, index): Stage[] =>
    ([0, 1] as const).flatMap((part) => {
      const target = Math.round(rateOf(isOn(index), part));
      // A stage of no length jumps to its target.
      return [
        { target, duration: "0s" },
        { target, duration: half },
      ];
    }),
  );
  return {
    executor: "ramping-arrival-rate",
    exec,
    stages: stages.flat(),
    startTime: `${Math.round(parameters.warmUpSeconds * 1000)}ms`,
    preAllocatedVUs: inFlight,
    maxVUs: inFlight,
    gracefulStop: "10s",
  };
}

const inFlight = 100;

function isOn(index: number): boolean {
  return index % 4 === 1 || index % 4 === 2;
}
