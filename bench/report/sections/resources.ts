import type { MemoryReport, ThroughputReport } from "../../harness/types.ts";
import { barChart, type Bar } from "../charts/bars.ts";
import { memoryChart } from "../charts/growth.ts";
import type { BenchReport, Cell, Section, Table } from "../model.ts";
import { fixed, interval, mebibytes, whole } from "../numbers.ts";

/** The most that one worker serves, and what that means for a platform. */
export function throughputSection({ throughput }: BenchReport): Section | undefined {
  if (throughput === undefined) return undefined;
  const { rounds, requests, steadyPerSecond } = throughput.options;
  return {
    id: "throughput",
    word: "Throughput",
    title: "Throughput",
    text: [
      `One worker before an upstream on loopback: a closed loop that fills its core (${rounds} rounds of ${whole(requests)} requests an arm), ` +
        `then an open loop at ${whole(steadyPerSecond)} requests a second.`,
      `Pods for ${whole(throughput.podsRequestsPerSecond)} requests a second, sidecars being the limit, from the CPU of a request at ` +
        `${whole(steadyPerSecond)} a second, where each wakes the worker anew: ${fixed(throughput.podsMicrosWithout, 1)} µs without, ${fixed(throughput.podsMicrosWith, 1)} µs with the filter. ` +
        "A bare Envoy without TLS and Istio's own filters is meant: with those a request costs more, and the filter a smaller part of it.",
    ],
    figures: [
      {
        name: "throughput",
        caption: "The most that one worker serves, one copy of the filter. Whiskers: 95% interval.",
        svg: barChart(rates(throughput), "requests a second, one worker"),
      },
    ],
    tables: [rateTable(throughput), podTable(throughput)],
  };
}

function rates({ arms }: ThroughputReport): Bar[] {
  const without = arms.find(({ id }) => id === "none")?.requestsPerSecond.value;
  return arms.map(({ label, family, requestsPerSecond: estimate }) => {
    const change = without === undefined ? NaN : (estimate.value / without - 1) * 100;
    const compared =
      family === "empty" || Number.isNaN(change) ? "" : `   ${change > 0 ? "+" : ""}${fixed(change, 0)} %`;
    return { label, family, estimate, text: `${whole(estimate.value)}${compared}` };
  });
}

function rateTable({ arms, options }: ThroughputReport): Table {
  return {
    caption: "One worker",
    head: [
      "arm",
      "requests/s",
      "95% interval",
      "core busy",
      "µs a request",
      `millicores at ${whole(options.steadyPerSecond)}/s`,
    ],
    rows: arms.map((arm): Cell[] => [
      arm.family === "ours" ? { text: arm.label, tone: "strong" } : arm.label,
      whole(arm.requestsPerSecond.value),
      interval(arm.requestsPerSecond, 0),
      `${fixed(arm.busy.value * 100, 0)} %`,
      fixed(arm.saturatedMicrosPerRequest.value, 1),
      fixed(arm.steadyMillicores.value, 1),
    ]),
  };
}

function podTable({ pods }: ThroughputReport): Table {
  return {
    caption: "Pods needed by the size of the sidecar",
    head: ["sidecar", "requests/s a pod without", "with", "pods without", "with", "more pods"],
    rows: pods.map((one) => [
      `${one.sidecarMillicores}m`,
      whole(one.perPodWithout),
      whole(one.perPodWith),
      whole(one.podsWithout),
      whole(one.podsWith),
      `${whole(one.podsWith - one.podsWithout)} (${fixed((one.perPodWithout / one.perPodWith - 1) * 100, 0)} %)`,
    ]),
  };
}

/** What the filter takes of a sidecar's memory. */
export function memorySection({ memory }: BenchReport): Section | undefined {
  if (memory === undefined) return undefined;
  const verdict = memory.fits ? "stays inside" : "does not stay inside";
  return {
    id: "memory",
    word: "Memory",
    title: "Memory",
    text: [
      `Envoy's resident size after traffic, fresh Envoys for each figure. With two workers, 100,000 users and 2,000 series (added up from ` +
        `the table) it ${verdict} ${mebibytes(memory.limitBytes, 0)}: ${mebibytes(memory.fullBytes)}.`,
    ],
    figures: [
      {
        name: "memory",
        caption: "Envoy's resident size, MiB. Full: 100,000 users and 2,000 series.",
        svg: memoryChart(memory),
      },
    ],
    tables: [memoryTable(memory)],
  };
}

function memoryTable(memory: MemoryReport): Table {
  const points = memory.points.map(({ workers, withoutBytes, withBytes }) => [
    `${workers} ${workers === 1 ? "worker" : "workers"}`,
    mebibytes(withoutBytes.value),
    mebibytes(withBytes.value),
    mebibytes(withBytes.value - withoutBytes.value),
  ]);
  return {
    caption: "Envoy's resident size",
    head: ["", "no filter", "with Tickgate", "added"],
    rows: [
      ...points,
      added("one more worker's VM", memory.bytesPerVm),
      added(`${whole(memory.users.per)} users of an exact quota`, memory.users.bytesPer),
      added(`${whole(memory.series.per)} series`, memory.series.bytesPer),
    ],
  };
}

function added(what: string, bytes: number): string[] {
  return [what, "", "", mebibytes(bytes, 2)];
}
