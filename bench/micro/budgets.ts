import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../../scripts/lib/paths.ts";
import type { Crossings } from "./crossings.ts";

/** What one path costs a request. */
export interface Cost extends Crossings {
  /** Absent where they could not be counted. */
  readonly instructions?: number;
  /** Pages of memory after the warm-up. */
  readonly pages?: number;
  /** Pages that a million requests added to them. */
  readonly pagesGrown?: number;
}

/** The checked-in figures, or those of a run. */
export interface Figures {
  readonly moduleBytes: number;
  /** Versions of the programs that counted the instructions. */
  readonly toolchain?: string;
  readonly paths: Readonly<Record<string, Cost>>;
}

/** One figure of one path, then and now. */
export interface Difference {
  readonly path: string;
  readonly figure: string;
  readonly before: number | undefined;
  readonly after: number | undefined;
}

const file = join(root, "bench", "micro", "budgets.json");
/** Instructions may move by so much, either way. */
const TOLERANCE = 0.02;

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
  const kept = { ...figures, ...(toolchain === undefined ? {} : { toolchain }), paths };
  await writeFile(file, `${JSON.stringify(kept, null, 2)}\n`);
}

function counted(cost: Cost | undefined): Partial<Cost> {
  if (cost === undefined) return {};
  const { instructions, pages, pagesGrown } = cost;
  return {
    ...(instructions === undefined ? {} : { instructions }),
    ...(pages === undefined ? {} : { pages }),
    ...(pagesGrown === undefined ? {} : { pagesGrown }),
  };
}

/** What is not as the budget says. */
export function differences(before: Figures, after: Figures): Difference[] {
  const names = new Set([...Object.keys(before.paths), ...Object.keys(after.paths)]);
  const comparable = before.toolchain === after.toolchain;
  return [...names].flatMap((path) =>
    pathDifferences(path, before.paths[path], after.paths[path], comparable),
  );
}

function pathDifferences(
  path: string,
  before: Cost | undefined,
  after: Cost | undefined,
  comparable: boolean,
): Difference[] {
  const calls = new Set([...Object.keys(before?.calls ?? {}), ...Object.keys(after?.calls ?? {})]);
  const exact: Difference[] = [...calls].map((name) => {
    return { path, figure: name, before: before?.calls[name] ?? 0, after: after?.calls[name] ?? 0 };
  });
  exact.push({ path, figure: "mallocs", before: before?.mallocs, after: after?.mallocs });
  if (after?.pagesGrown !== undefined)
    exact.push({ path, figure: "pages grown", before: before?.pagesGrown, after: after.pagesGrown });
  const changed = exact.filter((one) => one.before !== one.after);
  const instructions = {
    path,
    figure: "instructions",
    before: before?.instructions,
    after: after?.instructions,
  };
  return comparable && moved(instructions) ? [...changed, instructions] : changed;
}

function moved({ before, after }: Difference): boolean {
  if (after === undefined) return false;
  return before === undefined || Math.abs(after - before) > before * TOLERANCE;
}
