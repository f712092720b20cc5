import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { stripVTControlCharacters } from "node:util";
import { CliError, progress } from "./cli.ts";
import { root } from "./paths.ts";
import { runToEnd } from "./process.ts";

/** How many tests passed and failed. */
export interface Tally {
  passed: number;
  failed: number;
}

const unitMillis = 300_000;
const fileMillis = 600_000;

/** Runs the as-pect suite of the pure modules. Its report is shown when something failed. */
export async function runUnitTests(): Promise<Tally> {
  progress("unit: as-pect");
  const result = await runToEnd({
    name: "as-pect",
    command: join(root, "node_modules", ".bin", "asp"),
    args: ["--config", "tests/unit/as-pect.config.js", "--as-config", "tests/unit/as-pect.asconfig.json"],
    cwd: root,
    // The transform of our literals is TypeScript, and asc looks for a relative path where packages are.
    env: { ...process.env, NODE_OPTIONS: "--import tsx", NODE_PATH: root },
    timeoutMillis: unitMillis,
  });
  const output = `${result.stdout}${result.stderr}`;
  const counts = /\[Tests\]:\s*(\d+) \/ (\d+)/.exec(stripVTControlCharacters(output));
  if (counts === null) throw new CliError(`as-pect did not finish:\n${output}`);
  const passed = Number(counts[1]);
  const failed = Number(counts[2]) - passed;
  if (failed > 0 || result.code !== 0) progress(output);
  // A file that fails outside its tests shows in the exit code only.
  return { passed, failed: failed === 0 && result.code !== 0 ? 1 : failed };
}

/** Files of a suite of Node's test runner, in order. */
export async function testFiles(suite: string): Promise<string[]> {
  const folder = join(root, "tests", suite);
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const files = names.filter((name) => name.endsWith(".test.ts")).map((name) => join(folder, name));
  if (files.length === 0) throw new CliError(`tests/${suite} has no tests`);
  return files.toSorted();
}

/** Runs test files, each in a process of its own, `concurrency` at once. */
export async function runNodeTests(suite: string, files: string[], concurrency: number): Promise<Tally> {
  progress(`${suite}: ${files.length} files`);
  const tally: Tally = { passed: 0, failed: 0 };
  const stream = run({ files, concurrency, timeout: fileMillis });
  stream.on("test:pass", (event) => {
    if (isTest(event)) tally.passed += 1;
  });
  stream.on("test:fail", (event) => {
    if (isTest(event)) tally.failed += 1;
  });
  await new Promise<void>((resolve, reject) => {
    stream.compose(new spec()).on("error", reject).on("end", resolve).pipe(process.stdout, { end: false });
  });
  return tally;
}

/** Suites are events too; a file that crashed is a failed test. */
function isTest(event: { details: { type?: string | undefined } }): boolean {
  return event.details.type !== "suite";
}
