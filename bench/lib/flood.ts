import { fileURLToPath } from "node:url";
import { CliError } from "../../scripts/lib/cli.ts";
import { root } from "../../scripts/lib/paths.ts";
import { runToEnd } from "../../scripts/lib/process.ts";

/** An open-loop load. */
export interface FloodOptions {
  readonly port: number;
  readonly users: number;
  /** Requests of all users together. */
  readonly perSecond: number;
  readonly seconds: number;
  readonly connections: number;
}

/** What became of one user's requests; times by the client's monotonic clock. */
export interface UserCount {
  sent: number;
  admitted: number;
  refused: number;
  /** When its first request was sent. */
  firstMillis: number;
  /** When its last reply came. */
  lastMillis: number;
}

/** Runs a load in a process of its own, so that its timing is nobody else's. */
export async function flood(options: FloodOptions): Promise<UserCount[]> {
  const result = await runToEnd({
    name: "the load generator",
    command: process.execPath,
    args: [
      "--import",
      "tsx",
      fileURLToPath(new URL("flood-main.ts", import.meta.url)),
      JSON.stringify(options),
    ],
    cwd: root,
    timeoutMillis: (options.seconds + 30) * 1000,
  });
  if (result.code !== 0) throw new CliError(`the load generator failed:\n${result.stderr.trim()}`);
  const counts: UserCount[] = JSON.parse(result.stdout);
  return counts;
}
