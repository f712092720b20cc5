import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { wasmFilter } from "../../scripts/lib/envoy/wasm.ts";
import { startGateway, tickgate, type Gateway, type GatewayOptions } from "./lib/gateway.ts";
import { grpcHeaders, openHttp2, sendHttp2, type Http2Response } from "./lib/http2.ts";
import { accessLine, jsonLog } from "./lib/lines.ts";
import { buildProbe } from "./lib/modules.ts";

// Refusals of gRPC calls: trailers-only, over HTTP/2.

const quota = { name: "orders-per-user", key: ["user"], limit: 1, window: "10s", burst: 2 };
const log = jsonLog({ grpc: "%GRPC_STATUS_NUMBER%", details: "%RESPONSE_CODE_DETAILS%" });
const message = Buffer.from([0, 0, 0, 0, 0]).toString("latin1");

interface Call {
  readonly headers?: Readonly<Record<string, string>>;
  readonly type?: string;
  readonly body?: string;
}

async function call(
  t: TestContext,
  gateway: Gateway,
  { headers = {}, type, body }: Call,
): Promise<Http2Response> {
  const session = await openHttp2(t, gateway.port);
  const contentType = type === undefined ? {} : { "content-type": type };
  return sendHttp2(session, { ...grpcHeaders("/orders.Orders/Place", headers), ...contentType }, body);
}

function start(t: TestContext, configuration: object, options: GatewayOptions = {}): Promise<Gateway> {
  return startGateway(t, { configuration, listener: { accessLog: [log] }, ...options });
}

/** Fields that Envoy itself adds are left out. */
function ownFields({ headers }: Http2Response): Record<string, string> {
  const { date: _date, server: _server, ...own } = headers;
  return own;
}

test("over quota: RESOURCE_EXHAUSTED in the headers, with a pushback", async (t) => {
  const gateway = await start(t, { quotas: [quota] });
  for (const _ of [1, 2]) await gateway.send([["x-user-id", "alice-secret-id"]]);
  const cases: Call[] = [
    { headers: {} },
    { body: message },
    { type: "application/grpc+proto", body: message },
  ];
  for (const [index, one] of cases.entries()) {
    const headers = { "x-user-id": "alice-secret-id", "x-request-id": `call-${index}` };
    const refused = await call(t, gateway, { ...one, headers });
    const { "grpc-retry-pushback-ms": pushback, "content-type": type, ...own } = ownFields(refused);
    assert.equal(refused.headersOnly, true, `case ${index} is not trailers-only`);
    assert.deepEqual(own, {
      ":status": "200",
      "grpc-status": "8",
      "grpc-message": "over quota: orders-per-user",
      "x-envoy-ratelimited": "true",
    });
    assert.match(type ?? "", /^application\/grpc/);
    assert.ok(Number(pushback) > 5000 && Number(pushback) <= 10_000, `pushback ${pushback}`);
    assert.equal(refused.body, "");
    assert.ok(!JSON.stringify(refused).includes("alice"), "a user's id is in the reply");
    const line = await accessLine(gateway.envoy, `call-${index}`);
    assert.deepEqual([line.grpc, line.details], ["8", "tickgate_quota_denied"]);
  }
  const metrics = await gateway.counted(2 + cases.length);
  assert.equal(metrics.sum("trading_requests_total", { result: "quota_denied" }), cases.length);
});

test("gRPC-Web that no filter has translated gets HTTP: Envoy itself does not take it for gRPC", async (t) => {
  const gateway = await start(t, { quotas: [{ ...quota, burst: 1 }] });
  await gateway.send([["x-user-id", "u"]]);
  const headers = { "x-user-id": "u" };
  const refused = await call(t, gateway, { type: "application/grpc-web+proto", body: message, headers });
  assert.equal(refused.headers[":status"], "429");
  assert.equal(refused.headers["retry-after"], "10");
  assert.match(refused.body, /"violated-policies":\["orders-per-user"\]/);
});

test("plain HTTP/2 gets the whole reply", async (t) => {
  const gateway = await start(t, { quotas: [quota] });
  for (const _ of [1, 2]) await gateway.send([["x-user-id", "u"]]);
  const session = await openHttp2(t, gateway.port);
  const refused = await sendHttp2(session, { ":method": "POST", "x-user-id": "u" }, "a body");
  assert.equal(refused.headers[":status"], "429");
  assert.equal(refused.headers["ratelimit"], '"orders-per-user";r=0;t=10');
  assert.match(refused.body, /"violated-policies":\["orders-per-user"\]/);
  // The connection lives on.
  assert.equal((await sendHttp2(session, { "x-user-id": "somebody-else" })).headers[":status"], "200");
});

test("the longest quota name fits into the message", async (t) => {
  const name = `q${"x".repeat(63)}`;
  const gateway = await start(t, { quotas: [{ ...quota, name, burst: 1 }] });
  await gateway.send([["x-user-id", "u"]]);
  const refused = await call(t, gateway, { headers: { "x-user-id": "u" } });
  assert.equal(refused.headers["grpc-message"], `over quota: ${name}`);
  assert.ok((refused.headers["grpc-message"] ?? "").length <= 100);
});

test("nobody where somebody is wanted: UNAUTHENTICATED", async (t) => {
  const gateway = await start(t, { identity: { anonymous: "reject" }, quotas: [quota] });
  const refused = await call(t, gateway, { headers: { "x-request-id": "nobody" } });
  assert.equal(refused.headersOnly, true);
  assert.equal(refused.headers["grpc-status"], "16");
  assert.equal(refused.headers["grpc-message"], "no user is identified");
  assert.equal((await accessLine(gateway.envoy, "nobody")).details, "tickgate_unidentified");
});

test("a budget spent on arrival: DEADLINE_EXCEEDED, by either header", async (t) => {
  const gateway = await start(t, { budgets: [{ name: "b", limit: "1s", mode: "shed" }] });
  for (const [index, header] of ["x-latency-budget-us", "grpc-timeout"].entries()) {
    const spent = header === "grpc-timeout" ? "0m" : "0";
    const refused = await call(t, gateway, { headers: { [header]: spent, "x-request-id": `late-${index}` } });
    assert.equal(refused.headersOnly, true);
    assert.equal(refused.headers["grpc-status"], "4");
    assert.equal(refused.headers["grpc-message"], "the caller's latency budget is spent");
    assert.equal((await accessLine(gateway.envoy, `late-${index}`)).details, "tickgate_budget_spent");
  }
});

test("the filter's own failure: UNAVAILABLE", async (t) => {
  const poison = wasmFilter({ name: "poison", module: await buildProbe(t, "poison") });
  const filter = tickgate({ configuration: { failureMode: "deny", quotas: [quota] } });
  const gateway = await start(t, {}, { filters: [poison, filter] });
  const refused = await call(t, gateway, { headers: { "x-user-id": "u", "x-request-id": "broken" } });
  assert.equal(refused.headersOnly, true);
  assert.equal(refused.headers["grpc-status"], "14");
  assert.equal(refused.headers["grpc-message"], "the quota could not be checked");
  assert.equal((await accessLine(gateway.envoy, "broken")).details, "tickgate_failed");
});
