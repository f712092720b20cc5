import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { CliError } from "../../scripts/lib/cli.ts";
import { root } from "../../scripts/lib/paths.ts";
import { runToEnd, startChild, waitFor } from "../../scripts/lib/process.ts";

/** Connections that are held open, and requests that go over them in turn. */
export interface CrowdOptions {
  readonly port: number;
  readonly connections: number;
  readonly perSecond: number;
}

/** What a crowd has seen. */
export interface CrowdCount {
  opened: number;
  /** Closed while the crowd was there. */
  closed: number;
  sent: number;
  answered: number;
  /** Answers other than 200. */
  refused: number;
  /** Not sent because the connection still waited for an answer. */
  busy: number;
}

/** A crowd whose connections are all open. */
export interface Crowd {
  /** Ends the crowd; what it has seen. */
  disperse(): Promise<CrowdCount>;
  stop(): Promise<unknown>;
}

/** Descriptors of a program beside its connections. */
const otherFiles = 1000;
const openMillis = 120_000;
const disperseMillis = 20_000;

/** Opens a crowd in a process of its own. */
export async function startCrowd(options: CrowdOptions): Promise<Crowd> {
  const script = fileURLToPath(new URL("crowd-main.ts", import.meta.url));
  const child = await startChild({
    name: "the crowd",
    command: process.execPath,
    args: ["--import", "tsx", script, JSON.stringify(options)],
    cwd: root,
    ipc: true,
  });
  try {
    const isOpen = (): true | undefined => (child.lines().includes("open") ? true : undefined);
    await waitFor(`${options.connections} connections were open`, isOpen, {
      child,
      timeoutMillis: openMillis,
    });
  } catch (error) {
    await child.stop();
    throw error;
  }
  const disperse = async (): Promise<CrowdCount> => {
    await child.stop(disperseMillis);
    const line = child.lines().find((one) => one.startsWith("{"));
    if (line === undefined)
      throw new CliError(`the crowd did not say what it saw:\n${child.lines().slice(-5).join("\n")}`);
    const count: CrowdCount = JSON.parse(line);
    return count;
  };
  return { disperse, stop: () => child.stop() };
}

/** Lets this process and those it starts from now on have so many connections; a CliError when the system does not. */
export async function allowConnections(connections: number): Promise<void> {
  const files = connections + otherFiles;
  const limit = /^Max open files\s+(\d+)/m.exec(await readFile("/proc/self/limits", "utf8"))?.[1];
  if (Number(limit) >= files) return;
  const args = ["--pid", String(process.pid), `--nofile=${files}:${files}`];
  const result = await runToEnd({ name: "prlimit", command: "prlimit", args, timeoutMillis: 10_000 });
  if (result.code === 0) return;
  throw new CliError(
    `a process may not open ${files} files here: ${result.stderr.trim()}`,
    "raise the limit (ulimit -n), or ask for fewer with --connections",
  );
}
