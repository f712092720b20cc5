import { readFile } from "node:fs/promises";
import { CliError } from "../../scripts/lib/cli.ts";
import { filterModule } from "../../scripts/lib/paths.ts";
import { measureCostSweeps } from "../harness/cost-sweeps.ts";
import { measureCpu } from "../harness/cpu.ts";
import { measureMemory } from "../harness/memory.ts";
import { measureThroughput } from "../harness/throughput.ts";
import type { K6Report, ScenarioName } from "../lib/k6-types.ts";
import { runScenario } from "../lib/k6.ts";
import { measureMicro } from "../micro/measure.ts";
import type { BenchReport } from "./model.ts";

/** What every part is given. */
export interface PartOptions {
  /** The module that is measured, its path. */
  readonly module: string;
  /** A third of the time or less, wider intervals. */
  readonly quick: boolean;
  readonly seed: number;
  readonly progress: (line: string) => void;
}

/** What a part adds to the report. */
export type Findings = Partial<Pick<BenchReport, "cpu" | "throughput" | "memory" | "sweeps" | "micro">> & {
  readonly k6?: readonly K6Report[];
};

/** A measurement that may fail without taking the others with it. A new one is a new entry of `PARTS`. */
export interface Part {
  readonly name: string;
  /** For the progress, what it does and about how long the usual run takes. */
  readonly about: string;
  /** Only when it is named: long, or the answer to a question that few have. */
  readonly onDemand?: true;
  readonly measure: (options: PartOptions) => Promise<Findings>;
}

/** In the order of measuring: what is most easily disturbed comes first. */
export const PARTS: readonly Part[] = [
  { name: "cpu", about: "CPU of each arm, 5 min", measure: cpu },
  scenarioPart("overhead", { usual: 180, quick: 30 }),
  scenarioPart("steady", { usual: 20, quick: 8 }),
  scenarioPart("quota-exhaustion", { usual: 20, quick: 8 }),
  { name: "throughput", about: "the most a worker serves, 2 min", measure: throughput },
  { name: "sweeps", about: "cost against users and open streams, 2 min", measure: sweeps },
  { name: "memory", about: "Envoy's memory, 1 min", measure: memory },
  { name: "micro", about: "instructions and host calls, 2 min", measure: micro },
  ...(["burst", "budget-violation", "cardinality-attack", "config-update-under-load", "connections"] as const)
    .map((name) => scenarioPart(name, { usual: 60, quick: 15 }))
    .map(onDemand),
  onDemand(scenarioPart("soak", { usual: 1800, quick: 120 })),
];

function onDemand(part: Part): Part {
  return { ...part, onDemand: true };
}

async function cpu({ quick, seed, module }: PartOptions): Promise<Findings> {
  const size = quick ? { rounds: 5, requests: 3000 } : { rounds: 20, requests: 4000 };
  return { cpu: await measureCpu({ ...size, copies: 8, connections: 4, users: 1000, seed, module }) };
}

async function throughput({ quick, seed, module }: PartOptions): Promise<Findings> {
  const size = quick
    ? { rounds: 2, requests: 8000, steadySeconds: 2 }
    : { rounds: 5, requests: 20_000, steadySeconds: 3 };
  const load = { connections: 32, users: 100, steadyPerSecond: 1000 };
  return { throughput: await measureThroughput({ ...size, ...load, seed, module }) };
}

async function sweeps({ quick, seed, module }: PartOptions): Promise<Findings> {
  const size = quick
    ? { rounds: 3, requests: 1500, users: [1, 1000], liveStreams: [0, 1000] }
    : { rounds: 5, requests: 4000, users: [1, 100, 10_000, 100_000], liveStreams: [0, 100, 1000, 10_000] };
  return { sweeps: await measureCostSweeps({ ...size, copies: 4, seed, module }) };
}

async function memory({ quick, module }: PartOptions): Promise<Findings> {
  const size = quick ? { workers: [1, 2], rounds: 1 } : { workers: [1, 2, 4], rounds: 2 };
  return { memory: await measureMemory({ ...size, users: 100_000, series: 1000, module }) };
}

async function micro({ quick, module, progress }: PartOptions): Promise<Findings> {
  return { micro: await measureMicro(await readFile(module), { sweeps: !quick, progress }) };
}

function scenarioPart(name: ScenarioName, seconds: { readonly usual: number; readonly quick: number }): Part {
  return {
    name,
    about: `k6 scenario, ${seconds.usual} s`,
    measure: async ({ quick, seed, module }) => {
      if (module !== filterModule) {
        throw new CliError("k6 scenarios run build/tickgate.wasm, not another module", "leave --module out");
      }
      const durationSeconds = quick ? seconds.quick : seconds.usual;
      return { k6: [await runScenario(name, { durationSeconds, seed })] };
    },
  };
}
