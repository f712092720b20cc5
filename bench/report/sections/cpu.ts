import { medianRatio, pairedDifference, type Estimate } from "../../statistics.ts";
import type { ArmId, CpuArm, CpuReport } from "../../harness/types.ts";
import { cpuChart } from "../charts/cpu.ts";
import type { BenchReport, Cell, Section, Table } from "../model.ts";
import { fixed, interval, whole } from "../numbers.ts";

/** The arm that others are multiples of: C++ doing the same work. */
const REFERENCE: ArmId = "native_stack";

/** What one request costs in CPU, by arm and by part. */
export function cpuSection({ cpu }: BenchReport): Section | undefined {
  if (cpu === undefined) return undefined;
  const { rounds, requests, copies } = cpu.options;
  const costly = cpu.arms.filter(({ id }) => id !== "none");
  const reference = costly.find(({ id }) => id === REFERENCE);
  return {
    id: "cpu",
    title: "CPU a request",
    text: [
      `Each filter stands ${copies} times in a listener of its own, all listeners in one Envoy; ${rounds} rounds of ` +
        `${whole(requests)} requests an arm, in an order shuffled anew each round. What a round cost more than the ` +
        `listener without a filter, divided by ${copies}, is one filter; the median over the rounds, and its 95% bootstrap interval.`,
      "Arms that leave part of the work out say so: a cheaper arm that does less is no alternative.",
    ],
    figures: [
      {
        name: "cpu",
        caption: `CPU of one filter a request${reference === undefined ? "" : ", and as a multiple of the native C++ stack"}. Whiskers: 95% interval.`,
        svg: cpuChart(costly, reference),
      },
    ],
    tables: [armTable(cpu, reference), partTable(cpu), refusalTable(cpu)],
  };
}

function armTable({ arms, missing }: CpuReport, reference: CpuArm | undefined): Table {
  const rows = arms
    .filter(({ id }) => id !== "none")
    .map((arm): Cell[] => [
      arm.family === "ours" ? { text: arm.label, tone: "strong" } : arm.label,
      fixed(arm.perFilterMicros.value),
      interval(arm.perFilterMicros),
      ratio(arm, reference),
      arm.leavesOut.join(", "),
    ]);
  const left = missing.map(({ label, why }): Cell[] => [
    label,
    { text: "-", tone: "muted" },
    "",
    "",
    { text: `left out here: ${why}`, tone: "muted" },
  ]);
  return {
    caption: "One filter, µs of CPU a request",
    head: ["arm", "µs", "95% interval", "x native stack", "leaves out"],
    rows: [...rows, ...left],
    words: [4],
  };
}

function ratio(arm: CpuArm, reference: CpuArm | undefined): string {
  if (reference === undefined) return "-";
  if (arm === reference) return "1";
  const pairs = arm.perFilterMicros.each.map((value, round) => {
    return { value, base: reference.perFilterMicros.each[round] ?? NaN };
  });
  return fixed(medianRatio(pairs).value);
}

/** The parts of our filter: a name, the arm that has it, and the arm that does not. */
const PARTS: readonly (readonly [string, ArmId, ArmId])[] = [
  ["being a Wasm filter at all, called twice a request", "pass_through", "none_again"],
  ["operation, labels, counter and histogram", "dimensions", "pass_through"],
  ["a latency budget", "budgets", "dimensions"],
  ["an exact quota", "exact", "dimensions"],
  ["a leased quota", "leased", "dimensions"],
];

function partTable({ arms }: CpuReport): Table {
  const rows = PARTS.flatMap(([name, having, lacking]): string[][] => {
    const [high, low] = [having, lacking].map(
      (id) => arms.find((arm) => arm.id === id)?.perFilterMicros.each,
    );
    if (high === undefined || low === undefined) return [];
    const part = pairedDifference(high.map((value, round) => ({ value, base: low[round] ?? NaN })));
    return [[name, fixed(part.value), interval(part)]];
  });
  return {
    caption: "What each part of Tickgate costs: paired differences of arms, µs of CPU a request",
    head: ["part", "µs", "95% interval"],
    rows,
  };
}

function figure({ value }: Estimate): string {
  return fixed(value, 1);
}

function refusalTable({ refusals }: CpuReport): Table {
  return {
    caption: "A refused request against an allowed one: CPU of the whole request, one copy, no body, µs",
    head: [
      "protocol",
      "no filter",
      "allowed",
      "refused",
      "refused by local_ratelimit",
      "refused - allowed",
      "95% interval",
    ],
    rows: refusals.map(({ protocol, differenceMicros, ...one }) => [
      protocol === "http1" ? "HTTP/1.1" : "HTTP/2",
      figure(one.emptyMicros),
      figure(one.allowedMicros),
      figure(one.deniedMicros),
      figure(one.nativeDeniedMicros),
      figure(differenceMicros),
      interval(differenceMicros, 1),
    ]),
  };
}
