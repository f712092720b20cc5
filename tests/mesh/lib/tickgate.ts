import { join } from "node:path";
import { CliError } from "../../../scripts/lib/cli.ts";
import { root } from "../../../scripts/lib/paths.ts";
import { runToEnd, startChild } from "../../../scripts/lib/process.ts";
import type { Child, ChildOptions, Finished } from "../../../scripts/lib/process.ts";

const timeoutMillis = 180_000;
let built: Promise<string> | undefined;

/** Path of the one file that people get, built once a test process; it starts in a fifth of the time its sources take. */
export function toolProgram(): Promise<string> {
  built ??= buildTool();
  return built;
}

async function buildTool(): Promise<string> {
  const { code, stderr } = await runToEnd({
    name: "build:tool",
    command: process.execPath,
    args: ["--import", "tsx", join(root, "scripts", "build-tool.ts")],
    cwd: root,
    timeoutMillis,
  });
  if (code !== 0) throw new CliError(`npm run build:tool: ${stderr}`);
  return join(root, "build", "tickgate.mjs");
}

/** Runs `tickgate` to its end, as a process of its own with its own environment. */
export async function runTickgate(kubeconfig: string, ...args: readonly string[]): Promise<Finished> {
  return runToEnd({ ...(await commandOf(kubeconfig, args)), timeoutMillis });
}

/** Starts `tickgate`; the caller stops it. Its output is collected line by line in `lines()`. */
export async function startTickgate(kubeconfig: string, ...args: readonly string[]): Promise<Child> {
  return startChild(await commandOf(kubeconfig, args));
}

async function commandOf(kubeconfig: string, args: readonly string[]): Promise<ChildOptions> {
  return {
    name: `tickgate ${args[0] ?? ""}`,
    command: process.execPath,
    args: [await toolProgram(), ...args],
    cwd: root,
    env: { PATH: process.env["PATH"], KUBECONFIG: kubeconfig },
  };
}
