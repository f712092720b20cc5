import { createServer, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { Duplex } from "node:stream";
import { runCommand } from "../../scripts/lib/cli.ts";
import { readOrders, type Orders, type Visit } from "./latency-orders.ts";

// An upstream that does what the request's headers say, and notes when by its own monotonic clock. A program of its own.

const visits: Visit[] = [];
const attempts = new Map<string, number>();

/** What requests of HTTP/1 and HTTP/2 have in common. */
interface Incoming {
  readonly url?: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: string[];
  readonly socket: { destroy(): unknown };
  resume(): unknown;
  once(event: "end", listener: () => void): unknown;
}

/** And responses. */
interface Reply {
  writeHead(status: number, headers: Record<string, string>): unknown;
  write(text: string): boolean;
  end(text: string): unknown;
  addTrailers?: (trailers: Record<string, string>) => void;
}

function visitOf(id: string): Visit {
  const visit: Visit = { id, attempt: (attempts.get(id) ?? 0) + 1, receivedMicros: nowMicros() };
  attempts.set(id, visit.attempt);
  visits.push(visit);
  return visit;
}

function serve(request: Incoming, response: Reply): void {
  if (request.url === "/-/visits") {
    response.end(JSON.stringify(visits.splice(0)));
    return;
  }
  const orders = readOrders(request.headers);
  const visit = visitOf(orders.id);
  visit.headers = request.rawHeaders;
  const answer = (): void =>
    void setTimeout(() => reply(response, orders, visit, request), orders.waitMillis);
  request.resume();
  if (orders.needsBody) request.once("end", answer);
  else answer();
}

function reply(response: Reply, orders: Orders, visit: Visit, request: Incoming): void {
  if (orders.dies === "before") {
    request.socket.destroy();
    return;
  }
  visit.answeredMicros = nowMicros();
  const failing = visit.attempt <= orders.failures;
  response.writeHead(failing ? 503 : 200, { "content-type": orders.type });
  if (failing) {
    response.end("");
    return;
  }
  stream(response, orders, () => {
    visit.endedMicros = nowMicros();
    if (orders.dies === "midway") request.socket.destroy();
    else if (orders.type.startsWith("application/grpc")) response.addTrailers?.({ "grpc-status": "0" });
    if (orders.dies !== "midway") response.end("end\n");
  });
}

/** Writes pieces for as long as told, then calls `done`. */
function stream(response: Reply, { bodyMillis }: Orders, done: () => void): void {
  if (bodyMillis === 0) {
    done();
    return;
  }
  const pieces = 4;
  let left = pieces;
  response.write("piece\n");
  const timer = setInterval(() => {
    left -= 1;
    if (left > 0) {
      response.write("piece\n");
      return;
    }
    clearInterval(timer);
    done();
  }, bodyMillis / pieces);
}

/** Accepts an upgrade after the wait, then sends for as long as told and closes. */
function upgrade(request: IncomingMessage, socket: Duplex): void {
  const orders = readOrders(request.headers);
  const visit = visitOf(orders.id);
  socket.on("error", () => socket.destroy());
  setTimeout(() => {
    visit.answeredMicros = nowMicros();
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhello",
    );
    setTimeout(() => socket.end("bye"), orders.bodyMillis);
  }, orders.waitMillis);
}

function nowMicros(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

async function main(): Promise<void> {
  const http1 = createServer({ keepAliveTimeout: 60_000 }, serve).on("upgrade", upgrade);
  const http2 = createHttp2Server((request, response) => serve(request, response));
  for (const [name, server] of Object.entries({ http1, http2 })) {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (address !== null && typeof address === "object") console.log(`${name} ${address.port}`);
  }
  process.on("disconnect", () => process.exit(0));
}

await runCommand(main);
