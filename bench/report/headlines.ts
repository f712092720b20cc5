import type { CpuReport } from "../harness/types.ts";
import { doesLess } from "./arms.ts";
import type { BenchReport } from "./model.ts";
import { fixed, interval, mebibytes, percent, whole } from "./numbers.ts";
import { OURS, REFERENCE, aloneRatio, armOf } from "./reference.ts";
import { morePods } from "./sections/resources.ts";
import { comparison, judgeTargets, type Judged } from "./targets.ts";

/** A figure at the top of the page. */
interface Fact {
  readonly value: string;
  readonly unit: string;
  readonly what: string;
  /** The name of a target that is about this figure. */
  readonly promise?: string;
}

/** A figure, and the target that it is held against. */
export interface Headline extends Omit<Fact, "promise"> {
  readonly target: Judged | undefined;
}

/** The figures that most readers come for, where they were measured: each with what it must not be mistaken for. */
export function headlines(report: BenchReport): Headline[] {
  const judged = judgeTargets(report);
  const facts = [
    ...cpuFacts(report.cpu),
    ...latencyFacts(report),
    ...throughputFacts(report),
    ...instructionFacts(report),
    ...memoryFacts(report),
  ];
  return facts.map(({ value, unit, what, promise }) => {
    const target = judged.find(({ name }) => name === promise);
    return { value, unit, what, target };
  });
}

function latencyFacts(report: BenchReport): Fact[] {
  const clocks = [
    { clock: "client", where: "as a client sees it", promise: "Added latency p50, measured by the client" },
    {
      clock: "envoy",
      where: "on the request path by Envoy's clock",
      promise: "Added latency p50 on the request path, by Envoy's clock",
    },
  ] as const;
  return clocks.flatMap(({ clock, where, promise }) => {
    const p50 = comparison(report, OURS, clock)?.p50;
    return p50 === undefined
      ? []
      : [{ value: fixed(p50.value, 0), unit: "µs", what: `added ${where}, p50, exact quota`, promise }];
  });
}

function cpuFacts(cpu: CpuReport | undefined): Fact[] {
  const ours = armOf(cpu, OURS);
  if (cpu === undefined || ours === undefined) return [];
  const warm = `${fixed(ours.perFilterMicros.value, 1)} as one of ${cpu.options.copies} copies, caches warm`;
  const cost: Fact = {
    value: fixed(ours.oneCopyMicros.value, 1),
    unit: "µs",
    what: `CPU a request, exact quota, alone as in a busy sidecar (${interval(ours.oneCopyMicros, 1)}); ${warm}`,
  };
  const ratio = cpu.ratios.find(({ arm, to }) => arm === OURS && to === REFERENCE);
  const reference = armOf(cpu, REFERENCE);
  if (ratio === undefined || reference === undefined) return [cost];
  const alone = aloneRatio(cpu);
  const less = doesLess(reference, ours);
  const what = [
    "the CPU of Envoy's C++ stack, caches warm",
    alone === undefined ? "" : ` (alone ${fixed(alone.value)}x)`,
    less === "" ? "" : `; which leaves out ${less}`,
  ];
  return [
    cost,
    {
      value: fixed(ratio.ratio.value),
      unit: "x",
      what: what.join(""),
      promise: "CPU, exact quota / native C++ stack",
    },
  ];
}

function throughputFacts({ throughput }: BenchReport): Fact[] {
  if (throughput === undefined) return [];
  const { arms, podsArm, options } = throughput;
  const perSecond = (id: string): string => whole(arms.find((arm) => arm.id === id)?.requestsPerSecond.value);
  const more = morePods(throughput);
  const most: Fact = {
    value: perSecond(podsArm),
    unit: "/s",
    what: `requests that one worker serves, exact quota; ${perSecond("none")} without a filter`,
  };
  if (more === undefined) return [most];
  const range = `${percent(more.low)} to ${percent(more.high)}`;
  const at = `at ${whole(options.steadyPerSecond)} requests a second`;
  const pods = {
    value: fixed(more.value * 100, 0),
    unit: "%",
    what: `more sidecars of a size for a rate, by CPU ${at} (${range})`,
  };
  return [most, pods];
}

function instructionFacts({ micro }: BenchReport): Fact[] {
  const instructions = micro?.paths["allowed"]?.instructions;
  const quota = micro?.paths["allowed, exact quota"]?.instructions;
  if (instructions === undefined) return [];
  const more = quota === undefined ? "" : `; ${whole(quota)} with an exact quota`;
  return [
    {
      value: whole(instructions),
      unit: "",
      what: `Wasm instructions an allowed request${more}`,
      promise: "Wasm instructions a request: allowed",
    },
  ];
}

function memoryFacts({ memory }: BenchReport): Fact[] {
  if (memory === undefined) return [];
  const value = mebibytes(memory.fullBytes, 0).replace(" MiB", "");
  const what = "Envoy with 100,000 users and 2,000 series, added up from parts that were measured";
  const promise = "Envoy with filter, two workers, 100,000 users, 2,000 series, added up";
  return [{ value, unit: "MiB", what, promise }];
}
