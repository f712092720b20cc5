import { readFile } from "node:fs/promises";
import { accessLog } from "../../scripts/lib/envoy/config.ts";
import { connectionManager } from "../../scripts/lib/envoy/deployed.ts";
import type { Bootstrap } from "../../scripts/lib/envoy/types.ts";
import { waitFor } from "../../scripts/lib/process.ts";
import type { Sliced } from "./k6-distribution.ts";

/** From the request's first byte in Envoy to its first byte to the upstream. */
const format = "%COMMON_DURATION(DS_RX_BEG:US_TX_BEG:us)% %REQ(:PATH)%";
const flushMillis = 10_000;

/** Has a listener of a configuration write how long each request took to the upstream, into this file. */
export function logRequestPath(config: Bootstrap, listener: string, path: string): void {
  const manager = connectionManager(config, listener);
  manager.access_log = [...(manager.access_log ?? []), accessLog(format, path)];
}

/** Reads such a file as soon as it has `count` lines. A request whose path has no `round` of 0 or more is left out. */
export async function readRequestPath(path: string, count: number): Promise<Sliced> {
  const lines = await waitFor(
    `${count} lines of Envoy's access log`,
    async () => {
      const read = (await readFile(path, "utf8").catch(() => "")).split("\n").slice(0, -1);
      return read.length >= count ? read : undefined;
    },
    { timeoutMillis: flushMillis, intervalMillis: 100 },
  );
  return parseRequestPath(lines);
}

/** Durations with their rounds; a request that never reached an upstream (`-`) is left out. */
export function parseRequestPath(lines: readonly string[]): Sliced {
  const micros: number[] = [];
  const rounds: number[] = [];
  for (const line of lines) {
    const [, duration, round] = /^(\d+) \S*[?&]round=(\d+)$/.exec(line) ?? [];
    if (duration === undefined) continue;
    micros.push(Number(duration));
    rounds.push(Number(round));
  }
  return { micros, rounds };
}
