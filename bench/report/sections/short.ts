import type { ArmId, CpuArm } from "../../harness/types.ts";
import { growth } from "../../micro/sweeps.ts";
import type { Estimate } from "../../statistics.ts";
import { armNamed } from "../arms.ts";
import type { BenchReport, Cell, Section, Table } from "../model.ts";
import { fixed, interval, mebibytes, percent, whole } from "../numbers.ts";
import { OURS, REFERENCE, aloneRatio, armOf } from "../reference.ts";
import { riseOf, rose } from "../rise.ts";
import { comparison, judgeTargets, medianWithout } from "../targets.ts";
import { morePods, steadyMore } from "./resources.ts";
import { tally } from "./targets.ts";

/** The arms of the first table: what ours is held against, and what of it the language and the interface take. */
const ARMS: readonly ArmId[] = [
  "none",
  "pass_through",
  "dimensions",
  "leased",
  OURS,
  "native_stack",
  "rust",
  "sdk",
];

/** The tables that README.md shows as they stand here. A test holds the two together. */
export function shortSection(report: BenchReport): Section | undefined {
  const { cpu } = report;
  if (cpu === undefined) return undefined;
  return {
    id: "short",
    word: "In short",
    title: "In short",
    text: [
      "One filter of a request, by everything that is measured beside other filters; in brackets the 95% interval. **Alone** is " +
        "one copy in the listener, as in a busy sidecar; in little traffic it may be more: see the open loop's row. " +
        `**Caches warm** is one of ${cpu.options.copies} copies back to back: the price of the work itself, and not what a sidecar pays. ` +
        "The C++ stack is `local_ratelimit` and `access_loggers.stats`. Read what an arm leaves out before its figures.",
    ],
    figures: [],
    tables: [armTable(report), figureTable(report)],
  };
}

function armTable(report: BenchReport): Table {
  const present = ARMS.filter((id) => armOf(report.cpu, id) !== undefined);
  return {
    head: [
      "filter",
      "CPU alone, µs",
      "CPU, caches warm, µs",
      "client's p50, µs more",
      "Envoy's p50, µs more",
      "requests/s of a worker",
      "leaves out",
    ],
    rows: present.map((id): Cell[] => {
      const arm = armOf(report.cpu, id);
      const cells = [
        id === "none" ? inAll(arm?.wholeRequestMicros.value, 1) : spread(arm?.oneCopyMicros, 1),
        id === "none" ? "" : spread(arm?.perFilterMicros, 1),
        ...(["client", "envoy"] as const).map((clock) =>
          id === "none"
            ? inAll(medianWithout(report, clock), 0)
            : spread(comparison(report, id, clock)?.p50, 0),
        ),
        whole(report.throughput?.arms.find((one) => one.id === id)?.requestsPerSecond.value),
        leftOut(arm),
      ];
      const tone = (text: string): Cell => (id === OURS ? { text, tone: "strong" } : text);
      return [armNamed(id).label, ...cells].map(tone);
    }),
    words: [6],
  };
}

function inAll(value: number | undefined, digits: number): string {
  return value === undefined ? "-" : `${fixed(value, digits)} in all`;
}

function spread(estimate: Estimate | undefined, digits: number): string {
  return estimate === undefined ? "-" : `${fixed(estimate.value, digits)} (${interval(estimate, digits)})`;
}

function leftOut(arm: CpuArm | undefined): string {
  return arm === undefined ? "" : arm.leavesOut.join(", ");
}

function times(estimate: Estimate | undefined): string | undefined {
  return estimate && `${fixed(estimate.value)}x (${interval(estimate)})`;
}

/** Figures of the filter that have no counterpart elsewhere, or are computed from those that have. */
function figureTable(report: BenchReport): Table {
  const { throughput, memory, micro, sweeps, cpu } = report;
  const warm = cpu?.ratios.find(({ arm, to }) => arm === OURS && to === REFERENCE)?.ratio;
  const more = throughput && morePods(throughput);
  const steady = throughput && steadyMore(throughput);
  const micros = (clock: "client" | "envoy"): string | undefined => {
    const p99 = comparison(report, OURS, clock)?.p99;
    return p99 && `${whole(p99.value)} µs (${interval(p99, 0)})`;
  };
  const counted = (path: string): string | undefined => {
    const instructions = micro?.paths[path]?.instructions;
    return instructions === undefined ? undefined : whole(instructions);
  };
  const risen = (arm: ArmId): string | undefined => {
    const rise = sweeps && riseOf(sweeps.users, arm);
    return rise && rose(rise);
  };
  const rows: readonly (readonly [what: string, figure: string | undefined])[] = [
    ["CPU, exact quota / C++ stack, alone", times(aloneRatio(cpu))],
    ["CPU, exact quota / C++ stack, caches warm", times(warm)],
    ["p99 more for the client, exact quota", micros("client")],
    ["p99 more by Envoy's clock, exact quota", micros("envoy")],
    [
      `CPU more at ${whole(throughput?.options.steadyPerSecond)} requests/s, open loop, exact quota`,
      steady && `${fixed(steady.value, 0)} µs (${interval(steady, 0)})`,
    ],
    [
      "more sidecars of one size for a rate, exact quota",
      more && `${percent(more.value)} (${percent(more.low)} to ${percent(more.high)})`,
    ],
    ["CPU by users, exact quota", risen(OURS)],
    ["CPU by users, leased quota", risen("leased")],
    ["Wasm instructions, labels only", counted("allowed")],
    ["Wasm instructions, exact quota", counted("allowed, exact quota")],
    [
      "instructions, largest / smallest size of any sweep",
      micro?.sweeps && `${fixed(Math.max(...micro.sweeps.map(growth)))}x`,
    ],
    [
      "Envoy, two workers, 100,000 users, 2,000 series: added up, not measured at once",
      memory && mebibytes(memory.fullBytes, 0),
    ],
    ["targets", tally(judgeTargets(report))],
  ];
  return {
    head: ["figure", "value"],
    rows: rows.flatMap(([what, figure]) => (figure === undefined ? [] : [[what, figure]])),
  };
}
