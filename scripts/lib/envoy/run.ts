import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CliError } from "../cli.ts";
import { root } from "../paths.ts";
import { startChild, waitFor, type Child, type ChildOptions, type Exit } from "../process.ts";
import { provisionEnvoy } from "../provision/envoy.ts";
import { temporaryDirectory } from "../temporary.ts";
import { EnvoyAdmin } from "./admin.ts";
import type { Bootstrap } from "./types.ts";

/** How to run Envoy. */
export interface EnvoyOptions {
  readonly config: Bootstrap;
  /** Number of workers. */
  readonly concurrency?: number;
  readonly logLevel?: LogLevel;
  /** Level of what filters log. */
  readonly wasmLogLevel?: LogLevel;
  /** Executable; absent: found or fetched by `provisionEnvoy`. */
  readonly binary?: string;
  readonly extraArgs?: readonly string[];
  readonly onLine?: ChildOptions["onLine"];
  readonly readyTimeoutMillis?: number;
}

export type LogLevel = "trace" | "debug" | "info" | "warning" | "error" | "critical" | "off";

/** An Envoy that serves. */
export interface RunningEnvoy {
  readonly admin: EnvoyAdmin;
  readonly process: Child;
  /** Port of a listener; a CliError that lists the listeners when there is none of that name. */
  port(listener: string): number;
  /** `http://127.0.0.1:<port>` of a listener. */
  url(listener: string): string;
  /** What it has written so far, access logs to stdout included. */
  logs(): readonly string[];
  stop(): Promise<Exit>;
}

/**
 * Starts Envoy and waits until it serves. A configuration it refuses is a CliError with Envoy's own words. The ports of
 * a configuration may be 0. Relative paths in it are relative to the repository's root.
 */
export async function startEnvoy(options: EnvoyOptions): Promise<RunningEnvoy> {
  const binary = options.binary ?? (await provisionEnvoy()).path;
  const directory = await temporaryDirectory();
  let child: Child | undefined;
  const stop = async (): Promise<Exit> => {
    const exit = (await child?.stop()) ?? { code: null, signal: null };
    await directory.remove();
    return exit;
  };
  try {
    const adminAddress = join(directory.path, "admin-address");
    const configPath = join(directory.path, "envoy.json");
    await writeFile(configPath, JSON.stringify(options.config));
    child = await startChild({
      name: "Envoy",
      command: binary,
      args: commandLine(options, configPath, adminAddress),
      cwd: root,
      ...(options.onLine && { onLine: options.onLine }),
    });
    const admin = await whenReady(child, adminAddress, options);
    return handle(child, admin, await admin.listenerPorts(), stop);
  } catch (error) {
    await stop();
    throw child === undefined ? error : explain(error, child);
  }
}

function commandLine(options: EnvoyOptions, configPath: string, adminAddress: string): string[] {
  const flags = {
    "--config-path": configPath,
    "--admin-address-path": adminAddress,
    "--concurrency": String(options.concurrency ?? 2),
    "--log-level": options.logLevel ?? "warning",
    "--component-log-level": `wasm:${options.wasmLogLevel ?? "info"}`,
    // Access logs are written this often; the default is 10 s.
    "--file-flush-interval-msec": "100",
  };
  // Hot restart takes a shared memory region by number: two Envoys on one machine would collide.
  return [...Object.entries(flags).flat(), "--disable-hot-restart", ...(options.extraArgs ?? [])];
}

async function whenReady(child: Child, adminAddress: string, options: EnvoyOptions): Promise<EnvoyAdmin> {
  const bounds = { child, timeoutMillis: options.readyTimeoutMillis ?? 20_000 };
  const readAddress = (): Promise<string | undefined> =>
    readFile(adminAddress, "utf8").then(
      (text) => text.trim() || undefined,
      () => undefined,
    );
  const address = await waitFor("Envoy's admin interface was up", readAddress, bounds);
  const admin = new EnvoyAdmin(`http://${address}`);
  await waitFor("Envoy was ready", async () => (await admin.isReady()) || undefined, bounds);
  return admin;
}

function handle(
  child: Child,
  admin: EnvoyAdmin,
  ports: ReadonlyMap<string, number>,
  stop: () => Promise<Exit>,
): RunningEnvoy {
  const port = (listener: string): number => {
    const found = ports.get(listener);
    if (found !== undefined) return found;
    throw new CliError(`Envoy has no listener ${listener}; it has ${[...ports.keys()].join(", ") || "none"}`);
  };
  return {
    admin,
    process: child,
    port,
    url: (listener) => `http://127.0.0.1:${port(listener)}`,
    logs: () => child.lines(),
    stop,
  };
}

// The first from an Envoy without the V8 runtime (1.38.3 as published), the second from one without the filter.
const withoutWasm =
  /Envoy was compiled without support for it|could not find @type \S*filters\.http\.wasm\.v3\.Wasm'/;
const longestComplaint = 500;

function explain(error: unknown, child: Child): unknown {
  const lines = child.lines();
  if (lines.some((line) => withoutWasm.test(line))) {
    return new CliError("this Envoy is built without Wasm", "name another in ENVOY_BIN, or take it off PATH");
  }
  const complaints = lines.filter((line) => /\]\[(critical|error)\]/.test(line)).slice(0, 4);
  if (child.exit?.code !== 1 || complaints.length === 0) return error;
  return new CliError(`Envoy refused its configuration:\n${complaints.map(withoutOrigin).join("\n")}`);
}

/** `[time][thread][level][logger] [source] text` without what is in front of the text. */
function withoutOrigin(line: string): string {
  return line
    .replace(/^(\[[^\]]*\])+ \[[^\]]*\] /, "  ")
    .slice(0, longestComplaint)
    .trimEnd();
}
