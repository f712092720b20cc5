import assert from "node:assert/strict";
import { test } from "node:test";
import { parseList } from "structured-headers";
import type { Gateway } from "./lib/gateway.ts";
import { accessLine } from "./lib/lines.ts";
import {
  openSocket,
  ownFields,
  readFor,
  startLogged,
  type RawHeaders,
  type RawResponse,
} from "./lib/raw-replies.ts";

// Replies over HTTP/1.1, letter by letter.

const slowQuota = { name: "orders-per-user", key: ["user"], limit: 1, window: "10s", burst: 2 };

/** Spends a user's burst of two. */
async function spend(gateway: Gateway, user: string): Promise<void> {
  for (const _ of [1, 2]) assert.equal((await gateway.send([["x-user-id", user]])).status, 200);
}

function items(field: string | undefined): [unknown, Record<string, unknown>][] {
  return parseList(field ?? "").map(([value, parameters]) => {
    assert.equal(typeof value, "string");
    return [value, Object.fromEntries(parameters)];
  });
}

test("over quota: status, fields, problem and details", async (t) => {
  const gateway = await startLogged(t, { quotas: [slowQuota] });
  await spend(gateway, "alice-secret-id");
  const refused = await gateway.send([
    ["x-user-id", "alice-secret-id"],
    ["x-request-id", "refused-1"],
  ]);
  const body =
    '{"type":"https://iana.org/assignments/http-problem-types#quota-exceeded",' +
    '"title":"Quota exceeded","status":429,"violated-policies":["orders-per-user"]}';
  assert.equal(refused.status, 429);
  assert.deepEqual(ownFields(refused), {
    "content-type": "application/problem+json",
    "content-length": String(body.length),
    "retry-after": "10",
    "ratelimit-policy": '"orders-per-user";q=2;w=20',
    ratelimit: '"orders-per-user";r=0;t=10',
    "x-envoy-ratelimited": "true",
  });
  assert.equal(refused.body, body);
  assert.deepEqual(items(refused.headers["ratelimit-policy"]), [["orders-per-user", { q: 2, w: 20 }]]);
  assert.deepEqual(items(refused.headers.ratelimit), [["orders-per-user", { r: 0, t: 10 }]]);
  assert.ok(!JSON.stringify(refused).includes("alice"), "a user's id is in the reply");
  const line = await accessLine(gateway.envoy, "refused-1");
  assert.deepEqual([line.code, line.details], ["429", "tickgate_quota_denied"]);
  assert.equal(gateway.upstream.received.length, 2);
});

test("the policy of the contract's example; retry-after is never too early", async (t) => {
  const quota = {
    name: "orders-per-user",
    limit: 100,
    window: "1s",
    burst: 200,
    cost: { header: "x-order-count", max: 200 },
  };
  const gateway = await startLogged(t, { quotas: [quota] });
  const order = (): Promise<RawResponse> =>
    gateway.send([
      ["x-user-id", "u"],
      ["x-order-count", "200"],
    ]);
  assert.equal((await order()).status, 200);
  const refused = await order();
  assert.equal(refused.status, 429);
  assert.deepEqual(items(refused.headers["ratelimit-policy"]), [["orders-per-user", { q: 200, w: 2 }]]);
  assert.equal(refused.headers["retry-after"], "2");
  const [[, { r: left }] = ["", { r: -1 }]] = items(refused.headers.ratelimit);
  assert.ok(Number(left) >= 0 && Number(left) < 200, `r=${String(left)}`);
});

test("the quota with the longest wait is named, all that refuse are listed", async (t) => {
  const quotas = [
    slowQuota,
    { name: "all", key: [], limit: 1, window: "1h", burst: 2 },
    { name: "roomy", key: ["user"], limit: 1000, window: "1s" },
    { name: "tried", key: ["user"], limit: 1, window: "24h", mode: "shadow" },
  ];
  const gateway = await startLogged(t, { quotas });
  await spend(gateway, "u");
  const refused = await gateway.send([["x-user-id", "u"]]);
  assert.deepEqual(items(refused.headers.ratelimit), [["all", { r: 0, t: 3600 }]]);
  assert.deepEqual(items(refused.headers["ratelimit-policy"]), [["all", { q: 2, w: 7200 }]]);
  assert.equal(refused.headers["retry-after"], "3600");
  assert.match(refused.body, /"violated-policies":\["orders-per-user","all"\]/);
});

test("announced on allowed responses", async (t) => {
  const gateway = await startLogged(t, {
    quotas: [
      { ...slowQuota, announce: true },
      { name: "second", key: [], limit: 100, window: "1s", burst: 200, announce: true },
    ],
  });
  const { headers, status } = await gateway.send([["x-user-id", "u"]]);
  assert.equal(status, 200);
  assert.deepEqual(items(headers["ratelimit-policy"]), [
    ["orders-per-user", { q: 2, w: 20 }],
    ["second", { q: 200, w: 2 }],
  ]);
  assert.deepEqual(items(headers.ratelimit), [
    ["orders-per-user", { r: 1, t: 0 }],
    ["second", { r: 199, t: 0 }],
  ]);
});

test("the connection closes only when the body had not arrived", async (t) => {
  const gateway = await startLogged(t, { quotas: [slowQuota] });
  await spend(gateway, "u");
  const head = "Host: trading.test\r\nx-user-id: u\r\n";
  const waiting = await openSocket(gateway.port);
  waiting.write(`POST / HTTP/1.1\r\n${head}Content-Length: 5\r\n\r\n`);
  const early = await readFor(waiting, /violated-policies.*\}$/);
  assert.match(early, /^HTTP\/1\.1 429 /);
  assert.match(early, /\r\nconnection: close\r\n/);
  const idle = await openSocket(gateway.port);
  for (const _ of ["first", "second on the same connection"]) {
    idle.write(`GET / HTTP/1.1\r\n${head}\r\n`);
    const kept = await readFor(idle, /violated-policies.*\}$/);
    assert.match(kept, /^HTTP\/1\.1 429 /);
    assert.doesNotMatch(kept, /\r\nconnection: close\r\n/);
  }
  idle.destroy();
});

test("a WebSocket handshake is refused like any request", async (t) => {
  const manager = { upgrade_configs: [{ upgrade_type: "websocket" }] };
  const gateway = await startLogged(t, { quotas: [slowQuota] }, { listener: { manager } });
  await spend(gateway, "u");
  const socket = await openSocket(gateway.port);
  const handshake: RawHeaders = [
    ["Host", "trading.test"],
    ["Connection", "Upgrade"],
    ["Upgrade", "websocket"],
    ["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="],
    ["Sec-WebSocket-Version", "13"],
    ["x-user-id", "u"],
  ];
  socket.write(`GET / HTTP/1.1\r\n${handshake.map(([n, v]) => `${n}: ${v}\r\n`).join("")}\r\n`);
  const reply = await readFor(socket, /violated-policies.*\}$/);
  assert.match(reply, /^HTTP\/1\.1 429 /);
  assert.match(reply, /\r\nretry-after: 10\r\n/);
  assert.match(reply, /\r\nratelimit: "orders-per-user";r=0;t=10\r\n/);
  socket.destroy();
});
