import type { Figures, PathCost } from "./figures.ts";
import { FLAT, growth } from "./sweeps.ts";

/** One figure that is not as the budget says. More of it is always worse. */
export interface Change {
  /** A path through the filter, or `module`. */
  readonly path: string;
  /** `this path`: it is new, or gone. */
  readonly figure: string;
  /** Undefined: the budget, or the run, does not have it. */
  readonly before: number | undefined;
  readonly after: number | undefined;
}

/** What the gate says about a run. */
export interface Verdict {
  /** Nothing changed by more than its tolerance, nothing passes an absolute limit. */
  readonly passed: boolean;
  readonly changes: readonly Change[];
  /** There are changes, and all of them are for the better: to be accepted. */
  readonly better: boolean;
  /** Sweeps whose cost grows with what must not matter, one line each. */
  readonly steep: readonly string[];
  /** Instructions were counted by other versions than the budget's, so they were not compared. */
  readonly incomparable: boolean;
}

/** Figures that are not whole events may move by so much, either way: a gain that is not accepted hides the next loss. */
export const TOLERANCE = 0.02;

/** Holds a run against the budget. Host calls, mallocs and growth are exact; the rest has a tolerance. */
export function judge(before: Figures, after: Figures): Verdict {
  const comparable = after.toolchain === undefined || before.toolchain === after.toolchain;
  const names = new Set([...Object.keys(before.paths), ...Object.keys(after.paths)]);
  const size = {
    path: "module",
    figure: "bytes",
    before: before.moduleBytes,
    after: after.moduleBytes,
  };
  const changes = [
    ...(moved(size) ? [size] : []),
    ...[...names].flatMap((path) => pathChanges(path, before.paths[path], after.paths[path], comparable)),
  ];
  const steep = steepSweeps(after);
  return {
    passed: changes.length === 0 && steep.length === 0,
    changes,
    better: changes.length > 0 && changes.every(isBetter),
    steep,
    incomparable: !comparable,
  };
}

/** Sweeps of a run that are not flat, one line each. */
export function steepSweeps({ sweeps = [] }: Figures): string[] {
  return sweeps
    .filter((sweep) => !(growth(sweep) <= FLAT))
    .map(
      (sweep) => `${sweep.name}: costs up to ${growth(sweep).toFixed(2)} times the smallest, at most ${FLAT}`,
    );
}

function pathChanges(
  path: string,
  before: PathCost | undefined,
  after: PathCost | undefined,
  comparable: boolean,
): Change[] {
  if (before === undefined || after === undefined) {
    return [{ path, figure: "this path", before: before?.instructions, after: after?.instructions }];
  }
  const change = (figure: string, of: (cost: PathCost) => number | undefined): Change => ({
    path,
    figure,
    before: of(before),
    after: of(after),
  });
  const calls = new Set([...Object.keys(before.calls), ...Object.keys(after.calls)]);
  const exact = [
    ...[...calls].map((name) => change(name, (cost) => cost.calls[name] ?? 0)),
    change("mallocs", (cost) => cost.mallocs),
    change("pages grown", (cost) => cost.pagesGrown),
  ];
  const tolerant = [
    change("bytes copied", (cost) => cost.bytesCopied),
    change("pages", (cost) => cost.pages),
    ...(comparable ? [change("instructions", (cost) => cost.instructions)] : []),
  ];
  // What this machine cannot count is no change.
  return [...exact.filter((one) => one.before !== one.after), ...tolerant.filter(moved)].filter(
    (one) => one.after !== undefined,
  );
}

function moved({ before, after }: Change): boolean {
  if (before === undefined || after === undefined) return before !== after;
  return Math.abs(after - before) > before * TOLERANCE;
}

function isBetter({ before, after }: Change): boolean {
  return before !== undefined && after !== undefined && after < before;
}
