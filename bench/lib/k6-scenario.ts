import { progress } from "../../scripts/lib/cli.ts";
import { population } from "./k6-distribution.ts";
import type { Parameters } from "./k6/parameters.ts";
import { runK6, type K6Run } from "./k6-process.ts";
import type { Stage } from "./k6-stage.ts";
import type { K6Report, Population, ScenarioName, ScenarioOptions, Verdict } from "./k6-types.ts";
import { verdict } from "./k6-verdicts.ts";

/** The options of a run with nothing left open. */
export type RunOptions = Required<Omit<ScenarioOptions, "arms">> & Pick<ScenarioOptions, "arms">;

/** What a scenario found out. */
export type Findings = Omit<K6Report, "scenario" | "question" | "passed" | "environment"> &
  Pick<K6Report["environment"], "pinned">;

/** The side of a scenario that starts things, runs k6 and judges. */
export interface Scenario {
  readonly name: ScenarioName;
  readonly question: string;
  readonly defaults: Pick<RunOptions, "ratePerSecond" | "durationSeconds"> & Partial<RunOptions>;
  readonly run: (stage: Stage, options: RunOptions) => Promise<Findings>;
}

/** Connections, stats and pools are made in it, and pages touched. */
export const warmUpSeconds = 2;

/** The parameters that every scenario has. */
export function parametersOf(options: RunOptions, targets: Parameters["targets"]): Parameters {
  const { ratePerSecond, durationSeconds, seed } = options;
  return { targets, ratePerSecond, durationSeconds, seed, warmUpSeconds };
}

/** Runs k6 and says so. */
export function drive(scenario: ScenarioName, parameters: Parameters): Promise<K6Run> {
  const seconds = Math.round(parameters.warmUpSeconds + parameters.durationSeconds);
  progress(`k6: ${scenario}, ${seconds} s ...`);
  return runK6(scenario, parameters);
}

/** All populations of a run; `more` adds what k6 does not know. */
export function populationsOf(
  { samples }: K6Run,
  more: (name: string) => Partial<Pick<Population, "ran">> = () => ({}),
): Population[] {
  return samples.populations().map((name) => population(name, samples.population(name), more(name)));
}

/** What holds for every scenario: k6's thresholds, and that it sent what it was to send (`expected`, warm-up included). */
export function commonVerdicts({ samples, thresholds }: K6Run, expected: number): Verdict[] {
  // A run may end between two arrivals.
  return [...thresholds, verdict("requests sent", [samples.sent(), ">=", Math.floor(0.99 * expected)])];
}

/** `load`, and the most frequent faults as notes: fields of every scenario's findings. */
export function loadOf(run: K6Run, options: RunOptions): Pick<Findings, "load" | "notes"> {
  const { ratePerSecond, durationSeconds } = options;
  const faults = [...run.samples.faults()].slice(0, shownFaults);
  return {
    load: { ratePerSecond, durationSeconds, requests: run.samples.measured(), dropped: run.dropped },
    notes: faults.map(([fault, times]) => `unexpected: ${fault} (${times} times)`),
  };
}

const shownFaults = 8;
