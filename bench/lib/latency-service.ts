import { fileURLToPath } from "node:url";
import { root } from "../../scripts/lib/paths.ts";
import { startChild, waitFor, type Child } from "../../scripts/lib/process.ts";
import type { Visit } from "./latency-orders.ts";

/** A latency server in a process of its own. */
export interface LatencyService {
  readonly process: Child;
  readonly http1Port: number;
  readonly http2Port: number;
  /** What it has seen since the last time. */
  takeVisits(): Promise<Visit[]>;
}

/** Starts a latency server on free ports and waits until it listens. */
export async function startLatencyService(): Promise<LatencyService> {
  const main = fileURLToPath(new URL("latency-server.ts", import.meta.url));
  const child = await startChild({
    name: "the latency server",
    command: process.execPath,
    args: ["--import", "tsx", main],
    cwd: root,
    ipc: true,
  });
  try {
    const http1Port = await portOf(child, "http1");
    const http2Port = await portOf(child, "http2");
    const takeVisits = async (): Promise<Visit[]> => {
      const response = await fetch(`http://127.0.0.1:${http1Port}/-/visits`);
      const visits: unknown = await response.json();
      return Array.isArray(visits) ? visits : [];
    };
    return { process: child, http1Port, http2Port, takeVisits };
  } catch (error) {
    await child.stop();
    throw error;
  }
}

function portOf(child: Child, protocol: string): Promise<number> {
  return waitFor(
    `the latency server listened for ${protocol}`,
    () => {
      const line = child.lines().find((one) => one.startsWith(`${protocol} `));
      return line === undefined ? undefined : Number(line.slice(protocol.length + 1));
    },
    { child },
  );
}
