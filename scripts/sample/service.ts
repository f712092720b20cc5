import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { operationOf, planFor, type Plan } from "./behaviour.ts";
import { SeededRandom } from "./random.ts";

/** A trading service that answers as a real one might; the same seed draws the same outcomes. */
export function createTradingService(seed: number): Server {
  const random = new SeededRandom(seed);
  const server = createServer((request, response) => {
    void answer(request, response, random).catch(() => response.destroy());
  });
  // Longer than Envoy keeps an idle connection in a burst: else it would reuse one that is being closed here.
  server.keepAliveTimeout = 120_000;
  return server;
}

/** Listens on loopback and resolves to the port. */
export async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a TCP server has no port");
  return address.port;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  random: SeededRandom,
): Promise<void> {
  const path = (request.url ?? "").split("?")[0] ?? "";
  request.resume();
  const operation = operationOf(request.method ?? "", path);
  if (operation === undefined) {
    reply(response, 404, { error: "no such resource" });
    return;
  }
  const symbol = symbolOf(request, path);
  const plan = planFor(operation, symbol, random);
  // A timer cannot wait for less than a millisecond.
  if (plan.delayMillis >= 1) await delay(plan.delayMillis);
  if (plan.status === 0) {
    response.destroy();
    return;
  }
  setTimingHeaders(response, plan);
  reply(response, plan.status, { operation, symbol, accepted: plan.status < 400 });
}

function symbolOf(request: IncomingMessage, path: string): string {
  if (path.startsWith("/api/v1/quotes/")) return path.slice("/api/v1/quotes/".length);
  const header = request.headers["x-trading-symbol"];
  return typeof header === "string" ? header : "";
}

function setTimingHeaders(response: ServerResponse, plan: Plan): void {
  const stages = plan.stages.map(({ name, millis }) => `${name};dur=${millis.toFixed(3)}`);
  response.setHeader("server-timing", stages.join(", "));
  response.setHeader("x-market-timestamp", String(Date.now() * 1000 - plan.marketLagMicros));
}

function reply(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}
