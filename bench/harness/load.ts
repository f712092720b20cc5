import { writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { CliError } from "../../scripts/lib/cli.ts";
import { runToEnd } from "../../scripts/lib/process.ts";
import { provisionH2load } from "../../scripts/lib/provision/h2load.ts";
import type { Cores } from "./machine.ts";

/** One run of h2load. */
export interface Load {
  readonly port: number;
  /** Value of `x-trading-operation`: the name of the listener. */
  readonly operation: string;
  readonly requests: number;
  readonly connections: number;
  readonly protocol: "http1" | "http2";
  /** Streams at once on a connection of HTTP/2. */
  readonly streams?: number;
  /** File of paths, one a line, as `writePaths` makes it. */
  readonly paths: string;
  /** Open loop: requests a second, over all connections. */
  readonly perSecond?: number;
}

/** What became of a load. Every request got an answer. */
export interface LoadResult {
  readonly seconds: number;
  readonly perSecond: number;
  /** Answers by the first digit of their status. */
  readonly byClass: ReadonlyMap<number, number>;
  readonly command: string;
}

/** Headers that h2load sends beside its own, the user's aside: that comes with the path. */
export const sentHeaders: readonly (readonly [name: string, value: string])[] = [
  ["x-trading-symbol", "BTC-USD"],
  ["x-order-type", "limit"],
  ["x-strategy-id", "momentum-7"],
];

/** Headers of a request as the filters of every arm see them. */
export const headersSeen: readonly string[] = [
  ":authority",
  ":path",
  ":method",
  ":scheme",
  "user-agent",
  ...sentHeaders.map(([name]) => name),
  "x-trading-operation",
  "x-forwarded-proto",
  "x-user-id",
];

const shortestTimeoutMillis = 120_000;

/** Runs h2load on its core; a CliError when a request got no answer. */
export async function runLoad(load: Load, cores: Cores): Promise<LoadResult> {
  const { path } = await provisionH2load();
  const args = h2loadArguments(load);
  const pinned = cores.load === undefined ? [] : ["taskset", "--cpu-list", String(cores.load)];
  const [command = path, ...rest] = [...pinned, path, ...args];
  const expectedMillis = load.perSecond === undefined ? 0 : (load.requests / load.perSecond) * 1000;
  const result = await runToEnd({
    name: "h2load",
    command,
    args: rest,
    timeoutMillis: shortestTimeoutMillis + 2 * expectedMillis,
  });
  if (result.code !== 0) throw new CliError(`h2load failed: ${result.stderr.trim() || result.stdout.trim()}`);
  return { ...parseH2load(result.stdout, load.requests), command: spelled(load) };
}

/** The command line as a person would type it, the file of paths by its name only. */
function spelled(load: Load): string {
  const words = ["h2load", ...h2loadArguments({ ...load, paths: basename(load.paths) })];
  return words.map((word) => (word.includes(" ") ? `'${word}'` : word)).join(" ");
}

/** The command line of a load. */
export function h2loadArguments(load: Load): string[] {
  const headers = [...sentHeaders, ["x-trading-operation", load.operation] as const];
  const streams = load.protocol === "http1" ? ["--h1"] : ["-m", String(load.streams ?? 1)];
  const rate =
    load.perSecond === undefined ? [] : ["--rps", String(Math.round(load.perSecond / load.connections))];
  const many = ["-c", String(load.connections), "-n", String(load.requests)];
  const named = headers.flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const where = ["-B", `http://127.0.0.1:${load.port}`, "-i", load.paths];
  return [...streams, ...many, ...rate, ...named, ...where];
}

/** Reads h2load's summary; a CliError when not every request was answered. */
export function parseH2load(text: string, requests: number): Omit<LoadResult, "command"> {
  const [, time = "", unit = "", perSecond = ""] =
    /^finished in ([\d.]+)(us|ms|s|m), ([\d.]+) req\/s/m.exec(text) ?? [];
  const [, errored = "", late = ""] = /, (\d+) errored, (\d+) timeout$/m.exec(text) ?? [];
  const classes = /^status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx$/m.exec(text);
  const scale = { us: 1e-6, ms: 1e-3, s: 1, m: 60 }[unit];
  if (scale === undefined || classes === null)
    throw new CliError(`h2load's summary is not as expected:\n${text}`);
  const byClass = new Map(classes.slice(1).map((count, index) => [index + 2, Number(count)]));
  const answered = [...byClass.values()].reduce((total, count) => total + count, 0);
  if (answered !== requests || Number(errored) + Number(late) > 0) {
    throw new CliError(
      `${answered} of ${requests} requests were answered, ${errored} failed, ${late} were late`,
    );
  }
  return { seconds: Number(time) * scale, perSecond: Number(perSecond), byClass };
}

/** Writes the queries, in this order; every connection of h2load goes through them from the first. */
export async function writePaths(file: string, queries: readonly string[]): Promise<string> {
  await writeFile(file, queries.map((query) => `http://127.0.0.1/api/v1/orders?${query}\n`).join(""));
  return file;
}

/** The query of the user of that number. */
export function userQuery(user: number): string {
  return `u=user-${String(user).padStart(8, "0")}`;
}
