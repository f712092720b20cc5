import { performance } from "node:perf_hooks";
import { CliError } from "../../scripts/lib/cli.ts";
import { root } from "../../scripts/lib/paths.ts";
import { runToEnd } from "../../scripts/lib/process.ts";
import { noteEnvironment } from "../harness/environment.ts";
import type { Absent, BenchReport } from "./model.ts";
import { LEFT_OUT } from "./soundness.ts";
import { PARTS, type Findings, type Part, type PartOptions } from "./parts.ts";

/** Which parts to measure, and the command line that asked for it. */
export interface MeasureOptions extends PartOptions {
  /** Names of parts; absent: all but those on demand. */
  readonly only?: readonly string[];
  /** Names of parts beside the usual ones. */
  readonly also?: readonly string[];
  readonly command: string;
  /** Instead of all there are: for tests. */
  readonly parts?: readonly Part[];
  /** Instead of looking at the machine: for tests. */
  readonly noteEnvironment?: typeof noteEnvironment;
}

/** Measures part after part. A part that fails is absent from the report, with its error; the others go on. */
export async function measureReport(options: MeasureOptions): Promise<BenchReport> {
  const { parts = PARTS, progress, module, quick, command } = options;
  const began = performance.now();
  const environment = await (options.noteEnvironment ?? noteEnvironment)(module);
  const commit = await commitOf();
  const found: Findings[] = [];
  const absent: Absent[] = [];
  const chosen = parts.filter((part) => isChosen(part, options));
  for (const { name } of parts.filter((part) => !chosen.includes(part)))
    absent.push({ part: name, why: LEFT_OUT });
  for (const [index, part] of chosen.entries()) {
    progress(`[${index + 1}/${chosen.length}] ${part.name}: ${part.about}`);
    const partBegan = performance.now();
    try {
      found.push(await part.measure(options));
      progress(`${part.name}: done in ${((performance.now() - partBegan) / 1000).toFixed(0)} s`);
    } catch (error) {
      const why = reasonOf(error);
      progress(`${part.name} could not be measured: ${why}`);
      absent.push({ part: part.name, why });
    }
  }
  const k6 = found.flatMap((one) => one.k6 ?? []);
  const seconds = (performance.now() - began) / 1000;
  const measured: Findings = Object.assign({}, ...found);
  return { ...measured, k6, commit, command, quick, seconds, environment: environment(), absent };
}

function isChosen({ name, onDemand }: Part, { only, also }: MeasureOptions): boolean {
  if (also?.includes(name) === true) return true;
  return only?.includes(name) ?? onDemand !== true;
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof CliError && error.hint !== undefined ? ` (${error.hint})` : "";
  return `${message.split("\n", 1)[0] ?? message}${hint}`;
}

const gitMillis = 10_000;

/** The commit that is checked out, with `+` when the tree differs; "unknown" outside of a repository. */
async function commitOf(): Promise<string> {
  const commit = await git("rev-parse", "--short", "HEAD");
  if (commit === undefined) return "unknown";
  const changes = await git("status", "--porcelain", "--", ".", ":!bench/results");
  return changes === "" ? commit : `${commit}+`;
}

async function git(...args: readonly string[]): Promise<string | undefined> {
  const options = { name: "git", command: "git", args, cwd: root, timeoutMillis: gitMillis };
  const result = await runToEnd(options).catch(() => undefined);
  return result?.code === 0 ? result.stdout.trim() : undefined;
}
