import { medianRatio, type Estimate } from "../../statistics.ts";
import type { CpuArm, CpuReport } from "../../harness/types.ts";
import { barChart, type Bar } from "../charts/bars.ts";
import type { BenchReport, Cell, Section, Table } from "../model.ts";
import { fixed, interval, whole } from "../numbers.ts";
import { REFERENCE } from "../reference.ts";

/** What one request costs in CPU, by arm and by part. */
export function cpuSection({ cpu }: BenchReport): Section | undefined {
  if (cpu === undefined) return undefined;
  const { rounds, requests, copies } = cpu.options;
  const costly = cpu.arms.filter(({ id }) => id !== "none");
  const reference = costly.find(({ id }) => id === REFERENCE);
  return {
    id: "cpu",
    word: "CPU",
    title: "CPU a request",
    text: [
      `Each filter stands ${copies} times in a listener of its own, all listeners in one Envoy; ${rounds} rounds of ` +
        `${whole(requests)} requests an arm, in an order shuffled anew each round. What a round cost more than the ` +
        `listener without a filter, divided by ${copies}, is one filter; the median over the rounds, and its 95% bootstrap interval.`,
      "That is the price of the work itself, with the caches warm. One copy alone in its listener, as in a sidecar, costs more, whatever it " +
        "is made of: the column **alone** has it, and so have the refusals, the latency and the throughput below.",
      "Arms that leave part of the work out say so: a cheaper arm that does less is no alternative.",
    ],
    figures: [
      {
        name: "cpu",
        caption: `CPU of one filter a request${reference === undefined ? "" : ", and as a multiple of the native C++ stack"}. Whiskers: 95% interval.`,
        svg: barChart(bars(costly, reference), "µs of CPU a request, one filter"),
      },
    ],
    tables: [armTable(cpu, reference), refusalTable(cpu)],
  };
}

function bars(arms: readonly CpuArm[], reference: CpuArm | undefined): Bar[] {
  return arms
    .toSorted((a, b) => a.perFilterMicros.value - b.perFilterMicros.value)
    .map(({ label, family, perFilterMicros: estimate }) => {
      const micros = fixed(estimate.value);
      const times = reference && `${fixed(estimate.value / reference.perFilterMicros.value, 1)}x`;
      return {
        label,
        family,
        estimate,
        text: times === undefined || family === "empty" ? micros : `${micros}   ${times}`,
      };
    });
}

function armTable({ arms, missing }: CpuReport, reference: CpuArm | undefined): Table {
  const rows = arms
    .filter(({ id }) => id !== "none")
    .map((arm): Cell[] => [
      arm.family === "ours" ? { text: arm.label, tone: "strong" } : arm.label,
      fixed(arm.perFilterMicros.value),
      interval(arm.perFilterMicros),
      ratio(arm, reference),
      `${fixed(arm.oneCopyMicros.value, 1)} (${interval(arm.oneCopyMicros, 1)})`,
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
    head: ["arm", "µs", "95% interval", "x native stack", "alone, µs", "leaves out"],
    rows: [...rows, ...left],
    words: [5],
  };
}

function ratio(arm: CpuArm, reference: CpuArm | undefined): string {
  if (reference === undefined) return "-";
  if (arm === reference) return "1.00";
  const pairs = arm.perFilterMicros.each.map((value, round) => {
    return { value, base: reference.perFilterMicros.each[round] ?? NaN };
  });
  return fixed(medianRatio(pairs).value);
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
