import { join } from "node:path";
import { CliError } from "./cli.ts";
import { root } from "./paths.ts";
import { runToEnd } from "./process.ts";

/** asc resolves a relative path as a package. */
const literals = join(root, "scripts", "lib", "literals.ts");
const compileMillis = 120_000;

/** Runs the AssemblyScript compiler from the repository's root. A warning is an error. */
export async function compile(...args: readonly string[]): Promise<void> {
  const result = await runToEnd({
    name: "asc",
    command: process.execPath,
    args: ["--import", "tsx", "node_modules/assemblyscript/bin/asc.js", ...args, "--transform", literals],
    cwd: root,
    timeoutMillis: compileMillis,
  });
  const output = `${result.stdout}${result.stderr}`.trim();
  if (result.code !== 0 || /^(WARNING|ERROR)\b/m.test(output)) {
    throw new CliError(`asc ${args.join(" ")} failed:\n${output}`);
  }
}
