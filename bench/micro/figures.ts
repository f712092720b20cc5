import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../../scripts/lib/paths.ts";
import type { Crossings } from "./crossings.ts";
import type { SweepResult } from "./sweeps.ts";

/** What one path costs a request. */
export interface PathCost extends Crossings {
  /** Absent where they could not be counted. */
  readonly instructions?: number;
  /** Pages of memory (64 KiB) after the warm-up. */
  readonly pages?: number;
  /** Pages that a million requests added to them. */
  readonly pagesGrown?: number;
}

/** The checked-in figures, or those of a run. */
export interface Figures {
  readonly moduleBytes: number;
  /** Versions of the programs that counted the instructions. */
  readonly toolchain?: string;
  readonly paths: Readonly<Record<string, PathCost>>;
  /** Instructions a request at each size; absent where they could not be counted. */
  readonly sweeps?: readonly SweepResult[];
}

const file = join(root, "bench", "micro", "budgets.json");

/** The checked-in figures; undefined when there are none. */
export async function readBudgets(): Promise<Figures | undefined> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return text === undefined ? undefined : (JSON.parse(text) as Figures);
}

/** Makes a run's figures the budget. Instructions that it could not count stay as they were. */
export async function writeBudgets(figures: Figures, before: Figures | undefined): Promise<void> {
  const paths = Object.fromEntries(
    Object.entries(figures.paths).map(([name, cost]) => [name, { ...counted(before?.paths[name]), ...cost }]),
  );
  const toolchain = figures.toolchain ?? before?.toolchain;
  const sweeps = figures.sweeps ?? before?.sweeps;
  const kept: Figures = {
    moduleBytes: figures.moduleBytes,
    ...(toolchain === undefined ? {} : { toolchain }),
    paths,
    ...(sweeps === undefined ? {} : { sweeps }),
  };
  await writeFile(file, `${JSON.stringify(kept, null, 2)}\n`);
}

function counted(cost: PathCost | undefined): Partial<PathCost> {
  if (cost === undefined) return {};
  const { instructions, pages, pagesGrown } = cost;
  return {
    ...(instructions === undefined ? {} : { instructions }),
    ...(pages === undefined ? {} : { pages }),
    ...(pagesGrown === undefined ? {} : { pagesGrown }),
  };
}
