import { CliError } from "./cli.ts";
import { root } from "./paths.ts";
import { runToEnd } from "./process.ts";

const compileMillis = 120_000;

/** Runs the AssemblyScript compiler from the repository's root. A warning is an error. */
export async function compile(...args: readonly string[]): Promise<void> {
  const result = await runToEnd({
    name: "asc",
    command: process.execPath,
    args: ["node_modules/assemblyscript/bin/asc.js", ...args],
    cwd: root,
    timeoutMillis: compileMillis,
  });
  const output = `${result.stdout}${result.stderr}`.trim();
  if (result.code !== 0 || /^(WARNING|ERROR)\b/m.test(output)) {
    throw new CliError(`asc ${args.join(" ")} failed:\n${output}`);
  }
}
