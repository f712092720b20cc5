import type { Estimate } from "../statistics.ts";

/** The k6 scenarios, by the name of their file in bench/scenarios/. */
export const scenarioNames = [
  "overhead",
  "steady",
  "burst",
  "quota-exhaustion",
  "budget-violation",
  "cardinality-attack",
  "connections",
  "soak",
  "config-update-under-load",
] as const;

export type ScenarioName = (typeof scenarioNames)[number];

/** What may be chosen for a run; what is absent is the scenario's default. */
export interface ScenarioOptions {
  /** Requests a second of the main load; in `overhead`, of all arms together. */
  readonly ratePerSecond?: number;
  /** Of the measured load, without the warm-up. */
  readonly durationSeconds?: number;
  /** Workers of Envoy. */
  readonly concurrency?: number;
  /** `overhead`: only these arms; "none" and "none-again" always run. */
  readonly arms?: readonly string[];
  /** `connections`: held open beside the measured ones. */
  readonly connections?: number;
  /** Seeds the traffic, the order of the slices and the bootstrap. */
  readonly seed?: number;
}

/** One run of one scenario. */
export interface K6Report {
  readonly scenario: ScenarioName;
  /** What it asks, one sentence. */
  readonly question: string;
  /** All verdicts passed. */
  readonly passed: boolean;
  /** Everything that could have failed the run: k6's thresholds and what was read back from Envoy. */
  readonly verdicts: readonly Verdict[];
  readonly load: Load;
  /** Requests by arm (`overhead`: listeners), phase or kind of caller, in the order of tables. */
  readonly populations: readonly Population[];
  /** Populations against the one they are compared with; empty where nothing is compared. */
  readonly comparisons: readonly Comparison[];
  /** Values over time: Envoy's memory, number of series, ... */
  readonly series: readonly TimeSeries[];
  /** Remarks that belong under the table: what was left out, and why. */
  readonly notes: readonly string[];
  readonly environment: RunEnvironment;
}

/** One condition, with the figure that it was held against. */
export interface Verdict {
  readonly name: string;
  readonly measured: number;
  readonly comparison: "<=" | ">=" | "==" | "<" | ">";
  readonly bound: number;
  /** "us" or "bytes"; "" for a plain count or a share. */
  readonly unit: string;
  /** A goal for the filter; the others say that the measurement is sound and that nothing went wrong. Either fails the run. */
  readonly isTarget?: true;
  readonly passed: boolean;
}

/** What was sent. */
export interface Load {
  readonly ratePerSecond: number;
  readonly durationSeconds: number;
  /** Over all populations, without the warm-up. */
  readonly requests: number;
  /** Iterations that k6 could not start in time; any fails the run. */
  readonly dropped: number;
}

/** Requests that belong together. */
export interface Population {
  readonly name: string;
  readonly requests: number;
  /** Requests without the answer that was expected of them (a refusal may be expected). */
  readonly unexpected: number;
  /** Responses by status; "0": none came. Only those of the measured time. */
  readonly statuses: Readonly<Record<string, number>>;
  /** From the last byte sent to the first byte of the response, by k6 (`http_req_waiting`). */
  readonly latency: Distribution;
  /** From the request's first byte in Envoy to the first byte to the upstream (`%COMMON_DURATION(DS_RX_BEG:US_TX_BEG:us)%`). */
  readonly inEnvoy?: Distribution;
  /** How often the filter ran by its own count, beside how often it had to; absent for arms without a filter. */
  readonly ran?: { readonly counted: number; readonly expected: number };
}

/** Latencies in microseconds. */
export interface Distribution {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  /** For a chart: [share of requests, microseconds], ascending, from 0.01 to 0.999; empty where only the figures above are known. */
  readonly curve: readonly (readonly [share: number, micros: number])[];
}

/** By how much one population is slower than another, in microseconds; negative: faster. */
export interface Comparison {
  readonly name: string;
  readonly baseline: string;
  /** Which clock: k6's or Envoy's. */
  readonly clock: "client" | "envoy";
  /** Quantiles of all slices together; the interval by drawing pairs of slices (`samples`: how many there are). */
  readonly p50: Estimate;
  readonly p90: Estimate;
  readonly p99: Estimate;
  readonly p999: Estimate;
}

/** A value over the time of a run. */
export interface TimeSeries {
  readonly name: string;
  readonly unit: string;
  readonly points: readonly (readonly [seconds: number, value: number])[];
  /** By linear regression over the points after the warm-up; absent where no trend is asked for. */
  readonly slopePerHour?: number;
}

/** What it ran on. */
export interface RunEnvironment {
  readonly k6: string;
  readonly envoy: string;
  readonly concurrency: number;
  readonly cpus: number;
  /** Cores of Envoy and of k6 where they were pinned; absent: not pinned. */
  readonly pinned?: { readonly envoy: string; readonly k6: string };
  /** The command that repeats it. */
  readonly command: string;
}
