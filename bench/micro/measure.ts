import { countCrossings } from "./crossings.ts";
import type { Figures, PathCost } from "./figures.ts";
import { buildNative, countInstructions, pagesAfter, type NativeFilter } from "./native.ts";
import { SCENARIOS, type Scenario } from "./scenarios.ts";
import { SWEEPS, runSweep, type SweepResult } from "./sweeps.ts";

/** A filter whose memory has settled by the first must not have grown by the second. */
const [SETTLED, MANY] = [10_000, 1_000_000];
const TICK_EVERY = 5000;

/** How much to measure, and whom to tell. */
export interface MeasureOptions {
  readonly sweeps: boolean;
  readonly progress: (line: string) => void;
}

/** How to get the programs that count instructions. */
export const INSTALL = "apt-get install -y wabt valgrind gcc";

/** Counts every path and sweep. Where programs are missing says so, and leaves instructions and memory out. */
export async function measureMicro(wasm: Uint8Array, { sweeps, progress }: MeasureOptions): Promise<Figures> {
  const native = await buildNative(wasm);
  if (!("toolchain" in native)) {
    progress(`no ${native.join(", ")}: instructions and memory are not counted (${INSTALL})`);
  }
  const paths: Record<string, PathCost> = {};
  for (const scenario of SCENARIOS) {
    progress(`counting ${scenario.name}`);
    const more = "toolchain" in native ? await measureNative(native, scenario) : {};
    paths[scenario.name] = { ...countCrossings(wasm, scenario), ...more };
  }
  if (!("toolchain" in native)) return { moduleBytes: wasm.byteLength, paths };
  const swept: SweepResult[] = [];
  for (const sweep of sweeps ? SWEEPS : []) {
    progress(`sweeping ${sweep.name}: ${sweep.sizes.join(", ")}`);
    swept.push(await runSweep(native, sweep));
  }
  const { toolchain } = native;
  return { moduleBytes: wasm.byteLength, toolchain, paths, ...(sweeps ? { sweeps: swept } : {}) };
}

async function measureNative(native: NativeFilter, scenario: Scenario): Promise<Partial<PathCost>> {
  const { warmUp, counted } = scenario;
  const costs = await countInstructions(native, scenario, { warmUp, requests: counted });
  const instructions = [...costs.values()].reduce((total, cost) => total + cost, 0);
  const play = { warmUp, perTick: TICK_EVERY };
  const pages = await pagesAfter(native, scenario, { ...play, requests: SETTLED });
  const pagesGrown = (await pagesAfter(native, scenario, { ...play, requests: MANY })) - pages;
  return { instructions: Math.round(instructions * 10) / 10, pages, pagesGrown };
}
