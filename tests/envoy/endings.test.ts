import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { waitFor } from "../../scripts/lib/process.ts";
import { earlyReply } from "./lib/filters.ts";
import { startGateway } from "./lib/gateway.ts";
import { openSocket } from "./lib/raw.ts";
import { startUpstream } from "./lib/upstream.ts";

test("each status of the upstream has its class", async (t) => {
  const gateway = await startGateway(t);
  for (const status of ["200", "204", "304", "400", "404", "429", "500", "503"])
    assert.equal((await gateway.send([["x-want-status", status]])).status, Number(status));
  const metrics = await gateway.counted(8);
  assert.deepEqual(
    metrics.sumBy("trading_requests_total", "result"),
    new Map([
      ["client_error", 3],
      ["ok", 3],
      ["server_error", 2],
    ]),
  );
});

test("an upstream that resets before it answers is a server error, one that resets later keeps its status", async (t) => {
  const upstream = await startUpstream(t, (request, response) => {
    if (request.url === "/later")
      response.writeHead(200, { "content-length": "10" }).write("half", () => request.socket.destroy());
    else request.socket.destroy();
  });
  const gateway = await startGateway(t, { upstream });
  assert.equal((await gateway.send()).status, 503);
  assert.equal((await gateway.send([], { path: "/later" })).status, 200);
  const metrics = await gateway.counted(2);
  assert.equal(metrics.sum("trading_requests_total", { result: "server_error" }), 1);
  assert.equal(metrics.sum("trading_requests_total", { result: "ok" }), 1);
});

test("no upstream at all is a server error", async (t) => {
  const upstream = await startUpstream(t);
  upstream.server.close();
  const gateway = await startGateway(t, { upstream });
  assert.equal((await gateway.send([["x-trading-symbol", "BTC-USD"]])).status, 503);
  const metrics = await gateway.counted(1);
  assert.equal(metrics.sum("trading_requests_total", { result: "server_error", symbol: "BTC-USD" }), 1);
});

test("a request that an earlier filter answers is counted, but earns its values no place and has no duration", async (t) => {
  const gateway = await startGateway(t, { before: [earlyReply] });
  assert.equal((await gateway.send([["x-trading-symbol", "ETH-USD"]])).status, 200);
  for (const symbol of ["ETH-USD", "BTC-USD"]) {
    const { status } = await gateway.send([
      ["x-early", "403"],
      ["x-trading-symbol", symbol],
    ]);
    assert.equal(status, 403);
  }
  const metrics = await gateway.counted(3);
  assert.equal(gateway.upstream.received.length, 1);
  assert.equal(metrics.sum("trading_requests_total", { result: "ok", symbol: "ETH-USD" }), 1);
  assert.equal(metrics.sum("trading_requests_total", { result: "client_error", symbol: "ETH-USD" }), 1);
  assert.equal(metrics.sum("trading_requests_total", { result: "client_error", symbol: "other" }), 1);
  const flushed = await gateway.scraped(
    "the histogram's flush",
    (seen) => seen.sum("trading_request_duration_us_count") > 0,
  );
  assert.equal(flushed.sum("trading_request_duration_us_count"), 1);
  assert.equal(flushed.sum("tickgate_failures_total"), 0);
});

test("a client that goes away before the response is `aborted`, one that goes away later keeps the class", async (t) => {
  const upstream = await startUpstream(t, (request, response) => {
    if (request.url === "/half") response.writeHead(200, { "content-length": "10" }).write("half");
  });
  const gateway = await startGateway(t, { upstream });
  const impatient = await openSocket(gateway.port);
  impatient.write("GET / HTTP/1.1\r\nhost: trading.test\r\nx-trading-symbol: BTC-USD\r\n\r\n");
  await waitFor("the upstream had the request", () => upstream.received.length === 1 || undefined);
  impatient.destroy();
  const later = await openSocket(gateway.port);
  later.write("GET /half HTTP/1.1\r\nhost: trading.test\r\nx-trading-symbol: ETH-USD\r\n\r\n");
  await once(later, "data");
  later.destroy();
  const metrics = await gateway.counted(2);
  assert.equal(metrics.sum("trading_requests_total", { result: "aborted", symbol: "BTC-USD" }), 1);
  assert.equal(metrics.sum("trading_requests_total", { result: "ok", symbol: "ETH-USD" }), 1);
});

test("a WebSocket is one request of result ok, counted when it closes", async (t) => {
  const upstream = await startUpstream(t);
  upstream.server.on("upgrade", (_request, socket) => {
    socket.on("error", () => undefined);
    socket.write("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n");
    socket.on("data", (chunk: Buffer) => socket.write(chunk));
  });
  const gateway = await startGateway(t, {
    upstream,
    listener: { manager: { upgrade_configs: [{ upgrade_type: "websocket" }] } },
  });
  const socket = await openSocket(gateway.port);
  socket.write(
    "GET /stream HTTP/1.1\r\nhost: trading.test\r\nupgrade: websocket\r\nconnection: upgrade\r\nx-trading-symbol: BTC-USD\r\n\r\n",
  );
  const [head]: unknown[] = await once(socket, "data");
  assert.match(String(head), /^HTTP\/1.1 101 /);
  const echo = once(socket, "data");
  socket.write("\x81\x02hi");
  await echo;
  assert.equal((await gateway.metrics()).sum("trading_requests_total"), 0);
  socket.destroy();
  const metrics = await gateway.counted(1);
  assert.equal(metrics.sum("trading_requests_total", { result: "ok", symbol: "BTC-USD" }), 1);
});
