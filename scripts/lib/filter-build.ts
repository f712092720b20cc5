import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { CliError, withProgress } from "./cli.ts";
import { filterModule, root } from "./paths.ts";
import { runToEnd } from "./process.ts";

const buildMillis = 300_000;

/** The filter's module, built anew when a source is newer than it. Throws a CliError with the compiler's output. */
export async function ensureFilter(): Promise<string> {
  const built = await modified(filterModule);
  if (built === undefined || (await newestSource()) > built) await withProgress("Building the filter", build);
  return filterModule;
}

async function build(): Promise<void> {
  const args = ["--import", "tsx", join("scripts", "build.ts")];
  const result = await runToEnd({
    name: "the build",
    command: process.execPath,
    args,
    cwd: root,
    timeoutMillis: buildMillis,
  });
  if (result.code !== 0) {
    const output = `${result.stdout}${result.stderr}`.trim().split("\n").slice(-15).join("\n");
    throw new CliError(`the filter does not build:\n${output}`, "npm run build shows everything");
  }
}

async function newestSource(): Promise<number> {
  const assembly = join(root, "assembly");
  const names = await readdir(assembly, { recursive: true });
  const inputs = names.filter((name) => name.endsWith(".ts")).map((name) => join(assembly, name));
  const fixed = ["asconfig.json", "package-lock.json"].map((name) => join(root, name));
  const times = await Promise.all([...inputs, ...fixed].map(modified));
  return Math.max(...times.map((time) => time ?? 0));
}

/** Time of the last change; undefined when there is no such file. */
async function modified(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );
}
