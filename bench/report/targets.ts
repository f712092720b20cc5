import { medianRatio } from "../statistics.ts";
import { growth } from "../micro/sweeps.ts";
import { RATIO_TARGETS, type RatioTarget } from "../harness/ratio-targets.ts";
import type { Comparison } from "../lib/k6-types.ts";
import type { BenchReport } from "./model.ts";
import { whole } from "./numbers.ts";
import { OURS } from "./reference.ts";
import { brokenConditions } from "./soundness.ts";

/** A figure read from a report, with its interval where it has one, and what it is held against. */
export interface Reading {
  readonly value: number;
  readonly low?: number;
  readonly high?: number;
  /** The most it may be; the target's own where absent. */
  readonly bound?: number;
  /** Why this figure says nothing of the bound, in half a sentence; absent: it does. */
  readonly undecided?: string;
}

/** Something we promised: a figure that is at most `bound`. */
export interface Target {
  readonly name: string;
  readonly unit: string;
  /** The most it may be; undefined: the report itself says (`Reading.bound`). */
  readonly bound?: number;
  /** What we would like even better. */
  readonly stretch?: number;
  /** Digits after the point. */
  readonly digits: number;
  /** Undefined when the report does not have it. */
  readonly read: (report: BenchReport) => Reading | undefined;
}

/** A target and what became of it. */
export interface Judged {
  readonly name: string;
  readonly unit: string;
  readonly digits: number;
  readonly bound: number | undefined;
  readonly stretch: number | undefined;
  readonly reading: Reading | undefined;
  readonly outcome: "met" | "not met" | "can't be told" | "not measured";
  readonly stretchMet: boolean;
  /** Met or not met, and the whole interval is on that side of the bound; true where there is no interval. */
  readonly sure: boolean;
}

const COUNTED_PATHS = ["allowed", "allowed, exact quota"];
const MOST_INSTRUCTIONS = 800;
const MOST_GROWTH = 1.2;
const MOST_MICROS = 10;
const SIDECAR_MEBIBYTES = 128;

/** Everything that was promised, as data. A new promise is a new entry. */
export const TARGETS: readonly Target[] = [
  ...RATIO_TARGETS.map(ratioTarget),
  ...(["http1", "http2"] as const).map(refusalTarget),
  ...COUNTED_PATHS.map((path): Target => ({
    name: `Wasm instructions a request: ${path}`,
    unit: "",
    bound: MOST_INSTRUCTIONS,
    digits: 0,
    read: ({ micro }) => present(micro?.paths[path]?.instructions),
  })),
  {
    name: "Instructions a request, largest / smallest size of any sweep",
    unit: "x",
    bound: MOST_GROWTH,
    digits: 2,
    read: ({ micro }) => present(micro?.sweeps && Math.max(...micro.sweeps.map(growth))),
  },
  {
    name: "Added latency p50, measured by the client",
    unit: "µs",
    bound: MOST_MICROS,
    digits: 1,
    read: (report) => addedAtMedian(report, "client"),
  },
  {
    name: "Added latency p50 on the request path, by Envoy's clock",
    unit: "µs",
    bound: MOST_MICROS,
    digits: 1,
    read: (report) => addedAtMedian(report, "envoy"),
  },
  {
    name: "Added latency p99, within the band of no filter against itself (client)",
    unit: "µs",
    digits: 0,
    read: (report) => withinBand(report, "client"),
  },
  {
    name: "Added latency p99, within the band of no filter against itself (Envoy)",
    unit: "µs",
    digits: 0,
    read: (report) => withinBand(report, "envoy"),
  },
  {
    name: "Envoy with filter, two workers, 100,000 users, 2,000 series, added up",
    unit: "MiB",
    bound: SIDECAR_MEBIBYTES,
    digits: 0,
    read: ({ memory }) => present(memory && memory.fullBytes / 2 ** 20),
  },
];

/** Holds a report against the targets. What was not measured is said to be so. */
export function judgeTargets(report: BenchReport, targets: readonly Target[] = TARGETS): Judged[] {
  return targets.map((target) => judge(target, target.read(report)));
}

function ratioTarget({ arm, to, name, bound, stretch }: RatioTarget): Target {
  const read: Target["read"] = ({ cpu }) =>
    cpu?.ratios.find((one) => one.arm === arm && one.to === to)?.ratio;
  return { name, unit: "x", bound, ...(stretch !== undefined && { stretch }), digits: 2, read };
}

/** A refusal is the answer to an attack: it must not cost more than what it refuses. */
function refusalTarget(protocol: "http1" | "http2"): Target {
  const read: Target["read"] = ({ cpu }) => {
    const refusal = cpu?.refusals.find((one) => one.protocol === protocol);
    if (refusal === undefined) return undefined;
    const { deniedMicros, allowedMicros } = refusal;
    return medianRatio(
      deniedMicros.each.map((value, round) => ({ value, base: allowedMicros.each[round] ?? NaN })),
    );
  };
  const name = `CPU, a refused request / an allowed one, ${protocol === "http1" ? "HTTP/1.1" : "HTTP/2"}`;
  return { name, unit: "x", bound: 1, digits: 2, read };
}

function judge({ name, unit, digits, bound: own, stretch }: Target, reading: Reading | undefined): Judged {
  const bound = reading?.bound ?? own;
  const base = { name, unit, digits, bound, stretch, reading };
  // A figure that is no number is no figure.
  if (reading === undefined || bound === undefined || Number.isNaN(reading.value)) {
    return { ...base, outcome: "not measured", stretchMet: false, sure: false };
  }
  if (reading.undecided !== undefined) {
    return { ...base, outcome: "can't be told", stretchMet: false, sure: false };
  }
  const met = reading.value <= bound;
  const { low = reading.value, high = reading.value } = reading;
  return {
    ...base,
    outcome: met ? "met" : "not met",
    stretchMet: stretch !== undefined && reading.value <= stretch,
    sure: met ? high <= bound : low > bound,
  };
}

function present(value: number | undefined): Reading | undefined {
  return value === undefined ? undefined : { value };
}

/** How much later an arm answers than no filter does, by the paired k6 run. */
export function comparison(
  { k6 }: BenchReport,
  arm: string,
  clock: Comparison["clock"],
): Comparison | undefined {
  const overhead = k6.find(({ scenario }) => scenario === "overhead");
  return overhead?.comparisons.find((one) => plain(one.name) === arm && one.clock === clock);
}

/** A name without the difference that a file name may make. */
function plain(name: string): string {
  return name.replaceAll("-", "_");
}

function addedAtMedian(report: BenchReport, clock: Comparison["clock"]): Reading | undefined {
  const added = comparison(report, OURS, clock)?.p50;
  return added && undecidedUnlessSound(report, added);
}

/**
 * The dearest arm's p99, against what two listeners without a filter differ by. The noisier a run, the wider that band: a
 * figure inside of a band that is wider than a whole request at the median takes was not shown to be small.
 */
function withinBand(report: BenchReport, clock: Comparison["clock"]): Reading | undefined {
  const ours = comparison(report, OURS, clock)?.p99;
  const same = comparison(report, "none_again", clock)?.p99;
  const request = medianWithout(report, clock);
  if (ours === undefined || same === undefined || request === undefined) return undefined;
  const { value, low, high } = ours;
  const bound = Math.max(Math.abs(same.low), Math.abs(same.high));
  const drowned = bound > request && low <= bound;
  return undecidedUnlessSound(report, {
    value,
    low,
    high,
    bound,
    ...(drowned && {
      undecided: `two listeners without a filter differ by up to ${whole(bound)} µs, where a whole request takes ${whole(request)} at the median`,
    }),
  });
}

/** What a request without a filter takes at the median, in microseconds. */
export function medianWithout({ k6 }: BenchReport, clock: Comparison["clock"]): number | undefined {
  const overhead = k6.find(({ scenario }) => scenario === "overhead");
  const without = overhead?.populations.find(({ name }) => name === "none");
  return (clock === "client" ? without?.latency : without?.inEnvoy)?.p50;
}

function undecidedUnlessSound({ k6 }: BenchReport, reading: Reading): Reading {
  const sound = k6.every((one) => brokenConditions(one).length === 0);
  return sound ? reading : { ...reading, undecided: "a condition of the run did not hold" };
}
