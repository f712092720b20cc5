import { pairsOf } from "../../harness/rounds.ts";
import type { ArmId, MemoryReport, ThroughputArm, ThroughputReport } from "../../harness/types.ts";
import { medianRatio, pairedDifference, type Estimate, type Pair } from "../../statistics.ts";
import { barChart, type Bar } from "../charts/bars.ts";
import { memoryChart } from "../charts/growth.ts";
import type { BenchReport, Cell, Section, Table } from "../model.ts";
import { fixed, interval, mebibytes, percent, whole } from "../numbers.ts";

/** The most that one worker serves, and what that means for a platform. */
export function throughputSection({ throughput }: BenchReport): Section | undefined {
  if (throughput === undefined) return undefined;
  const { rounds, requests, steadyPerSecond } = throughput.options;
  const more = morePods(throughput);
  const share =
    more && `: ${percent(more.value)} more (95% interval ${percent(more.low)} to ${percent(more.high)})`;
  return {
    id: "throughput",
    word: "Throughput",
    title: "Throughput",
    text: [
      `One worker before an upstream on loopback: a closed loop that fills its core (${rounds} rounds of ${whole(requests)} requests an arm), ` +
        `then an open loop at ${whole(steadyPerSecond)} requests a second.`,
      ...noise(throughput),
      `Pods for ${whole(throughput.podsRequestsPerSecond)} requests a second, sidecars being the limit, from the CPU of a request at ` +
        `${whole(steadyPerSecond)} a second, where each wakes the worker anew: ${fixed(throughput.podsMicrosWithout, 1)} µs without, ${fixed(throughput.podsMicrosWith, 1)} µs with the filter${share ?? ""}. ` +
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

/** Which arms the open loop cannot tell apart: their medians come in some order all the same. */
function noise({ arms, options }: ThroughputReport): string[] {
  const pairs = arms.flatMap((one, index) => arms.slice(index + 1).map((other) => [one, other] as const));
  const alike = pairs.flatMap(([one, other]) => {
    const { value, low, high } = steadyDifference(other, one);
    if (low > 0 || high < 0) return [];
    return [`${other.label} against ${one.label}: ${fixed(value, 0)} (${interval({ low, high }, 0)})`];
  });
  if (alike.length === 0) return [];
  return [
    `At ${whole(options.steadyPerSecond)} requests a second ${options.rounds} rounds do not tell these apart, whatever the order of their medians; ` +
      `millicores, paired by round, with 95% interval: ${alike.join("; ")}.`,
  ];
}

/** Millicores at the steady rate, paired by round. */
function steadyDifference(arm: ThroughputArm, base: ThroughputArm): Estimate {
  return pairedDifference(pairsOf(arm.steadyMillicores.each, base.steadyMillicores.each));
}

/** Microseconds a request that the filter adds at the steady rate, paired by round. */
export function steadyMore(throughput: ThroughputReport): Estimate | undefined {
  const pairs = steadyPairs(throughput);
  return pairs && pairedDifference(pairs);
}

function steadyPairs({ arms, podsArm }: ThroughputReport): Pair[] | undefined {
  const micros = (id: ArmId): readonly number[] | undefined =>
    arms.find((arm) => arm.id === id)?.steadyMicrosPerRequest.each;
  const [having, lacking] = [micros(podsArm), micros("none")];
  return having && lacking && pairsOf(having, lacking);
}

/** By what share the filter needs more sidecars of one size than none does; 0.39 is 39 %. */
export function morePods(throughput: ThroughputReport): Estimate | undefined {
  const pairs = steadyPairs(throughput);
  if (pairs === undefined) return undefined;
  const { value, low, high, samples } = medianRatio(pairs);
  return { value: value - 1, low: low - 1, high: high - 1, samples };
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
  const none = arms.find(({ id }) => id === "none");
  const steady = `millicores at ${whole(options.steadyPerSecond)}/s`;
  return {
    caption: "One worker",
    head: [
      "arm",
      "requests/s",
      "95% interval",
      "core busy",
      "µs a request",
      steady,
      "95% interval",
      "more than no filter, paired",
      "95% interval",
    ],
    rows: arms.map((arm): Cell[] => {
      const more = none === undefined || arm === none ? undefined : steadyDifference(arm, none);
      return [
        arm.family === "ours" ? { text: arm.label, tone: "strong" } : arm.label,
        whole(arm.requestsPerSecond.value),
        interval(arm.requestsPerSecond, 0),
        percent(arm.busy.value),
        fixed(arm.saturatedMicrosPerRequest.value, 1),
        fixed(arm.steadyMillicores.value, 0),
        interval(arm.steadyMillicores, 0),
        more === undefined ? "" : fixed(more.value, 0),
        more === undefined ? "" : interval(more, 0),
      ];
    }),
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
      `${whole(one.podsWith - one.podsWithout)} (${percent(one.perPodWithout / one.perPodWith - 1)})`,
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
      `Envoy's resident size after traffic, fresh Envoys for each figure. No Envoy was measured with two workers, 100,000 users and 2,000 ` +
        `series at once: their parts in the table, each measured by itself, add up to ${mebibytes(memory.fullBytes)}, which ` +
        `${verdict} ${mebibytes(memory.limitBytes, 0)}.`,
    ],
    figures: [
      {
        name: "memory",
        caption: "Envoy's resident size, MiB. Full: 100,000 users and 2,000 series, added up.",
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
