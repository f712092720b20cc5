import { fileURLToPath } from "node:url";
import { root } from "../lib/paths.ts";
import { startChild, waitFor, type Child } from "../lib/process.ts";

/** A sample trading service in a process of its own. */
export interface RunningService {
  readonly port: number;
  readonly process: Child;
}

/** Starts the sample service on a free port and waits until it listens. */
export async function startTradingService(seed: number): Promise<RunningService> {
  const main = fileURLToPath(new URL("main.ts", import.meta.url));
  const service = await startChild({
    name: "the sample trading service",
    command: process.execPath,
    args: ["--import", "tsx", main, "--port", "0", "--seed", String(seed)],
    cwd: root,
    ipc: true,
  });
  try {
    const port = await waitFor("it listened", () => announcedPort(service), { child: service });
    return { port, process: service };
  } catch (error) {
    await service.stop();
    throw error;
  }
}

function announcedPort(child: Child): number | undefined {
  for (const line of child.lines()) {
    const port = /^listening on http:\/\/127\.0\.0\.1:(\d+)$/.exec(line)?.[1];
    if (port !== undefined) return Number(port);
  }
  return undefined;
}
