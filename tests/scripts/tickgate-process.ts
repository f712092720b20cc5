import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { text as readAll } from "node:stream/consumers";
import type { TestContext } from "node:test";
import { root } from "../../scripts/lib/paths.ts";
import { temporaryDirectory } from "../../scripts/lib/temporary.ts";
import { toolProgram } from "../mesh/lib/tickgate.ts";
import { serveOnLoopback } from "./loopback.ts";

/** How a `tickgate` process ended. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a `tickgate` process is started with. Of this process's environment it gets PATH alone. */
export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  /** On its stdin, which then ends. */
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
}

const timeoutMillis = 60_000;

/** Runs the one file that people get to its end, as a process of its own. One that does not end in a minute is killed: code null. */
export async function tickgate(
  args: readonly string[],
  { env = {}, input = "", cwd = root }: Surroundings = {},
): Promise<Ran> {
  const child = spawn(process.execPath, [await toolProgram(), ...args], {
    cwd,
    env: { PATH: process.env["PATH"], ...env },
    timeout: timeoutMillis,
    killSignal: "SIGKILL",
  });
  // A tool that ends without reading its stdin is none of our business.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  const exited = once(child, "exit");
  const [stdout, stderr] = await Promise.all([readAll(child.stdout), readAll(child.stderr)]);
  await exited;
  return { code: child.exitCode, stdout, stderr };
}

/** An API server of our own making: what it was asked, and the kubeconfig that leads to it. */
export interface FakeApiServer {
  readonly url: string;
  readonly kubeconfig: string;
  /** `GET /apis/...`, without the query. */
  readonly requests: readonly string[];
}

/** One request with its whole body. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: string;
}

/** An answer in JSON, or written by the function itself. */
export type Answer = { readonly status?: number; readonly json: unknown } | ((to: ServerResponse) => void);

/** Starts a server that answers as told, until the test ends. */
export async function startApiServer(
  t: TestContext,
  answer: (asked: Asked) => Answer,
): Promise<FakeApiServer> {
  const requests: string[] = [];
  const port = await serveOnLoopback(t, (request, response) => {
    void reply(request, response, (asked) => {
      requests.push(`${asked.method} ${asked.path}`);
      return answer(asked);
    });
  });
  const url = `http://127.0.0.1:${port}`;
  return { url, kubeconfig: await kubeconfigFor(t, url), requests };
}

/** The path of a kubeconfig for a server in plain HTTP, namespace `trading`. */
export async function kubeconfigFor(t: TestContext, server: string): Promise<string> {
  const folder = await temporaryDirectory();
  t.after(() => folder.remove());
  const path = join(folder.path, "config");
  const kubeconfig = {
    clusters: [{ name: "c", cluster: { server, "insecure-skip-tls-verify": true } }],
    users: [{ name: "u", user: { token: "t" } }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u", namespace: "trading" } }],
    "current-context": "x",
  };
  await writeFile(path, JSON.stringify(kubeconfig));
  return path;
}

async function reply(
  request: IncomingMessage,
  response: ServerResponse,
  answer: (asked: Asked) => Answer,
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://127.0.0.1");
  const body = await readAll(request);
  const given = answer({ method: request.method ?? "", path: pathname, query: searchParams, body });
  if (typeof given === "function") return given(response);
  response.writeHead(given.status ?? 200, { "content-type": "application/json" });
  response.end(JSON.stringify(given.json));
}
