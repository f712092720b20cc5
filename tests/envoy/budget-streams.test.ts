import assert from "node:assert/strict";
import { request } from "node:http";
import { test, type TestContext } from "node:test";
import { waitFor } from "../../scripts/lib/process.ts";
import { startBudgets, type BudgetGateway, type BudgetOptions } from "./lib/budget-gateway.ts";
import { Client } from "./lib/client.ts";
import { grpcHeaders, openHttp2, sendHttp2 } from "./lib/http2.ts";
import { openSocket, readFor } from "./lib/raw-replies.ts";

// First byte or the end: what is measured, and what has no end.

const configuration = {
  budgets: [
    { name: "first", limit: "100ms" },
    { name: "whole", limit: "100ms", measure: "complete" },
  ],
};
const bandMicros = 2000;

function start(t: TestContext, options: Partial<BudgetOptions> = {}): Promise<BudgetGateway> {
  return startBudgets(t, { configuration, ...options });
}

/** What both budgets counted after so many requests. */
async function broken(gateway: BudgetGateway, requests: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of ["first", "whole"]) {
    const shares = await gateway.counted(name, requests);
    counts[name] = Object.values(shares).reduce((sum, count) => sum + count, 0);
  }
  return counts;
}

test("a body that streams for 200 ms breaks only the budget of the whole response", async (t) => {
  const gateway = await start(t);
  const client = new Client(t, gateway.port);
  await client.send({ "x-request-id": "r", "x-body-ms": "200" });
  assert.deepEqual(await broken(gateway, 1), { first: 0, whole: 1 });
  const seen = await gateway.violation("r");
  const times = await gateway.timesOf("r");
  assert.equal(seen.share, "upstream", seen.line);
  assert.equal(times.line.broken, "whole");
  assert.ok(Math.abs(seen.spent - times.whole) <= bandMicros, `${seen.spent} against ${times.whole}`);
  const upstream = Math.abs(seen.upstream - times.upstreamWhole);
  assert.ok(upstream <= bandMicros, `${seen.upstream} against ${times.upstreamWhole}`);
  await client.send({ "x-request-id": "late", "x-wait-ms": "150" });
  assert.deepEqual(await broken(gateway, 2), { first: 1, whole: 2 });
});

test("an event stream is judged by its first byte", async (t) => {
  const gateway = await start(t);
  const client = new Client(t, gateway.port);
  const type = { "x-type": "text/event-stream; charset=utf-8" };
  await client.send({ ...type, "x-body-ms": "250" });
  assert.deepEqual(await broken(gateway, 1), { first: 0, whole: 0 });
  await client.send({ ...type, "x-wait-ms": "150" });
  assert.deepEqual(await broken(gateway, 2), { first: 1, whole: 1 });
});

test("a gRPC stream is judged by its first byte", async (t) => {
  const gateway = await start(t, { http2Upstream: true });
  const session = await openHttp2(t, gateway.port);
  const stream = { "x-type": "application/grpc+proto", "x-body-ms": "250" };
  const answer = await sendHttp2(session, grpcHeaders("/prices.Prices/Watch", stream), "message");
  assert.equal(answer.trailers["grpc-status"], "0");
  assert.deepEqual(await broken(gateway, 1), { first: 0, whole: 0 });
  const late = { "x-type": "application/grpc", "x-wait-ms": "150" };
  await sendHttp2(session, grpcHeaders("/prices.Prices/Watch", late), "message");
  assert.deepEqual(await broken(gateway, 2), { first: 1, whole: 1 });
});

test("an upgraded connection is judged by the handshake", async (t) => {
  const manager = { upgrade_configs: [{ upgrade_type: "websocket" }] };
  const gateway = await start(t, { listener: { manager } });
  for (const wait of [0, 150]) {
    const socket = await openSocket(gateway.port);
    socket.write(
      `GET / HTTP/1.1\r\nhost: t\r\nconnection: upgrade\r\nupgrade: websocket\r\nx-body-ms: 250\r\nx-wait-ms: ${wait}\r\n\r\n`,
    );
    const text = await readFor(socket, /bye$/);
    assert.match(text, /^HTTP\/1\.1 101 /);
    socket.destroy();
    assert.deepEqual(
      await broken(gateway, wait === 0 ? 1 : 2),
      wait === 0 ? { first: 0, whole: 0 } : { first: 1, whole: 1 },
    );
  }
});

test("time goes on while the request's body comes in", async (t) => {
  const gateway = await start(t);
  const { port } = gateway;
  const headers = { "x-request-id": "slow-body", "x-needs-body": "yes", "content-length": "8" };
  const sent = request({ host: "127.0.0.1", port, method: "POST", headers, agent: false });
  const answered = new Promise<void>((resolve) =>
    sent.once("response", (r) => r.resume().once("end", resolve)),
  );
  sent.write("half");
  // The upstream has the headers, the client takes its time.
  await waitForVisit(gateway, "slow-body");
  setTimeout(() => sent.end("half"), 150);
  await answered;
  const seen = await gateway.violation("slow-body");
  // By the contract all time after the upstream's readiness is the upstream's, the client's included.
  assert.equal(seen.share, "upstream", seen.line);
  assert.deepEqual(await broken(gateway, 1), { first: 1, whole: 1 });
});

test("100 Continue is no first byte", async (t) => {
  for (const manager of [{}, { proxy_100_continue: true }]) {
    const gateway = await start(t, { listener: { manager } });
    const socket = await openSocket(gateway.port);
    socket.write(
      "POST / HTTP/1.1\r\nhost: t\r\nx-request-id: r\r\nx-needs-body: yes\r\nx-wait-ms: 150\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n",
    );
    assert.match(await readFor(socket, /\r\n\r\n$/), /^HTTP\/1\.1 100 /);
    socket.write("body");
    assert.match(await readFor(socket, /end\n/), /HTTP\/1\.1 200 /);
    socket.destroy();
    assert.deepEqual(await broken(gateway, 1), { first: 1, whole: 1 });
    const { spent } = await gateway.violation("r");
    assert.ok(spent >= 150_000, `spent ${spent}`);
  }
});

async function waitForVisit(gateway: BudgetGateway, id: string): Promise<void> {
  await waitFor(`request ${id} reached the upstream`, async () =>
    (await gateway.service.takeVisits()).some((visit) => visit.id === id) ? true : undefined,
  );
}
