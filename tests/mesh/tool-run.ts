import { join } from "node:path";
import { root } from "../../scripts/lib/paths.ts";
import { runToEnd, type Child, type Finished, startChild } from "../../scripts/lib/process.ts";

const main = join(root, "deploy/tool/main.ts");
const timeoutMillis = 180_000;

/** Runs `tickgate` to its end, as a process of its own with its own environment. */
export function runTickgate(kubeconfig: string, ...args: readonly string[]): Promise<Finished> {
  return runToEnd({ ...commandOf(kubeconfig, args), timeoutMillis });
}

/** Starts `tickgate`; the caller stops it. Its output is collected line by line in `lines()`. */
export function startTickgate(kubeconfig: string, ...args: readonly string[]): Promise<Child> {
  return startChild(commandOf(kubeconfig, args));
}

function commandOf(
  kubeconfig: string,
  args: readonly string[],
): { name: string; command: string; args: string[]; cwd: string; env: NodeJS.ProcessEnv } {
  return {
    name: `tickgate ${args[0] ?? ""}`,
    command: process.execPath,
    args: ["--import", "tsx", main, ...args],
    cwd: root,
    env: { PATH: process.env["PATH"], KUBECONFIG: kubeconfig },
  };
}
