import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { test } from "node:test";
import { waitFor } from "../../scripts/lib/process.ts";
import { startBudgets, type BudgetGateway } from "./lib/budget-gateway.ts";
import { Client } from "./lib/client.ts";

// No violation goes uncounted, whoever ends the request and however.

const budgets = [
  { name: "first", limit: "25ms" },
  { name: "whole", limit: "25ms", measure: "complete" },
];

function retrying(retries: number): Record<string, unknown>[] {
  const policy = { retry_on: "5xx,reset", num_retries: retries, retry_back_off: { base_interval: "0.001s" } };
  return [{ match: { prefix: "/" }, route: { cluster: "service", timeout: "15s", retry_policy: policy } }];
}

test("retries count as one request; the attempts are in the sample", async (t) => {
  const listener = { target: { routes: retrying(3) } };
  const gateway = await startBudgets(t, { configuration: { budgets }, listener });
  const client = new Client(t, gateway.port);
  // Two attempts of 60 ms fail, the third succeeds.
  const slow = await client.send({ "x-request-id": "slow", "x-wait-ms": "60", "x-failures": "2" });
  assert.equal(slow.status, 200);
  const seen = await gateway.violation("slow");
  assert.equal(seen.attempts, 3);
  assert.ok(seen.spent >= 180_000, seen.line);
  assert.equal(seen.share, "upstream", seen.line);
  // All attempts fail.
  const failed = await client.send({ "x-request-id": "failed", "x-wait-ms": "60", "x-failures": "9" });
  assert.equal(failed.status, 503);
  assert.equal((await gateway.violation("failed")).attempts, 4);
  assert.deepEqual(await gateway.counted("first", 2), { upstream: 2 });
  assert.deepEqual(await gateway.counted("whole", 2), { upstream: 2 });
});

test("an upstream that dies before its response", async (t) => {
  const gateway = await startBudgets(t, { configuration: { budgets } });
  const client = new Client(t, gateway.port);
  const reply = await client.send({ "x-request-id": "dead", "x-wait-ms": "60", "x-dies": "before" });
  assert.equal(reply.status, 503);
  const seen = await gateway.violation("dead");
  assert.equal(seen.share, "upstream", seen.line);
  assert.ok(seen.spent >= 60_000, seen.line);
  assert.deepEqual(await gateway.counted("first", 1), { upstream: 1 });
  assert.deepEqual(await gateway.counted("whole", 1), { upstream: 1 });
});

test("an upstream that dies midway: its first byte was in time, its end was not", async (t) => {
  const gateway = await startBudgets(t, { configuration: { budgets } });
  const client = new Client(t, gateway.port);
  const headers = { "x-request-id": "half", "x-body-ms": "150", "x-dies": "midway" };
  await assert.rejects(client.send(headers));
  const times = await gateway.timesOf("half");
  assert.equal(times.line.broken, "whole");
  assert.deepEqual(await gateway.counted("first", 1), {});
  assert.deepEqual(await gateway.counted("whole", 1), { upstream: 1 });
});

test("an upstream that cannot be reached at all", async (t) => {
  const quick = [{ name: "first", limit: "1us" }];
  const gateway = await startBudgets(t, { configuration: { budgets: quick }, upstreamPort: 1 });
  const reply = await new Client(t, gateway.port).send({ "x-request-id": "nobody" });
  assert.equal(reply.status, 503);
  const seen = await gateway.violation("nobody");
  assert.equal(seen.upstream, 0, seen.line);
  assert.deepEqual(await gateway.counted("first", 1), { proxy: 1 });
});

/** Sends a request and breaks the connection after some time. */
async function abandon(
  gateway: BudgetGateway,
  headers: Record<string, string>,
  millis: number,
): Promise<void> {
  const sent = httpRequest({ host: "127.0.0.1", port: gateway.port, headers, agent: false });
  sent.on("error", () => undefined);
  sent.on("response", (response) => response.on("error", () => undefined).resume());
  sent.end();
  setTimeout(() => sent.destroy(), millis);
  await waitFor(
    `${headers["x-request-id"]} was logged`,
    () =>
      gateway.envoy.logs().some((line) => line.includes(`"id":"${headers["x-request-id"]}"`)) || undefined,
  );
}

test("a client that goes before the response", async (t) => {
  const gateway = await startBudgets(t, { configuration: { budgets } });
  await abandon(gateway, { "x-request-id": "gone", "x-wait-ms": "3000" }, 120);
  const seen = await gateway.violation("gone");
  assert.equal(seen.share, "upstream", seen.line);
  assert.equal((await gateway.timesOf("gone")).line.verdict, "aborted");
  assert.deepEqual(await gateway.counted("first", 1), { upstream: 1 });
  assert.deepEqual(await gateway.counted("whole", 1), { upstream: 1 });
});

test("a client that goes in the middle of the response", async (t) => {
  const gateway = await startBudgets(t, { configuration: { budgets } });
  await abandon(gateway, { "x-request-id": "gone", "x-body-ms": "3000" }, 120);
  assert.deepEqual(await gateway.counted("first", 1), {});
  assert.deepEqual(await gateway.counted("whole", 1), { upstream: 1 });
  assert.equal((await gateway.timesOf("gone")).line.broken, "whole");
});

test("where Envoy tells no upstream time, what a filter after ours took counts as the upstream's", async (t) => {
  const fault = {
    name: "envoy.filters.http.fault",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault",
      delay: { fixed_delay: "0.100s", percentage: { numerator: 100 } },
    },
  };
  const gateway = await startBudgets(t, { configuration: { budgets }, after: [fault] });
  await abandon(gateway, { "x-request-id": "gone", "x-wait-ms": "3000" }, 200);
  const seen = await gateway.violation("gone");
  const client = new Client(t, gateway.port);
  await client.send({ "x-request-id": "dead", "x-wait-ms": "10", "x-dies": "before" });
  for (const { share, upstream, line } of [seen, await gateway.violation("dead")]) {
    // Envoy counts the connection's readiness from the router, not from us: an upper bound is all there is.
    assert.equal(share, "upstream", line);
    assert.ok(upstream > 100_000, "Envoy tells the two apart by now: so should we");
  }
  assert.deepEqual(await gateway.counted("first", 2), { upstream: 2 });
});

test("a filter after ours that answers late itself", async (t) => {
  const fault = {
    name: "envoy.filters.http.fault",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault",
      delay: { fixed_delay: "0.060s", percentage: { numerator: 100 } },
      abort: { http_status: 418, percentage: { numerator: 100 } },
    },
  };
  const gateway = await startBudgets(t, { configuration: { budgets }, after: [fault] });
  assert.equal((await new Client(t, gateway.port).send({ "x-request-id": "teapot" })).status, 418);
  assert.equal((await gateway.violation("teapot")).share, "proxy");
  assert.deepEqual(await gateway.counted("first", 1), { proxy: 1 });
  assert.deepEqual(await gateway.counted("whole", 1), { proxy: 1 });
});

test("a route's timeout", async (t) => {
  const routes = [{ match: { prefix: "/" }, route: { cluster: "service", timeout: "0.060s" } }];
  const gateway = await startBudgets(t, { configuration: { budgets }, listener: { target: { routes } } });
  const reply = await new Client(t, gateway.port).send({ "x-request-id": "late", "x-wait-ms": "3000" });
  assert.equal(reply.status, 504);
  assert.deepEqual(await gateway.counted("first", 1), { upstream: 1 });
});

test("a spent budget is the caller's, whoever would have been slow", async (t) => {
  const gateway = await startBudgets(t, { configuration: { budgets: budgets.slice(0, 1) } });
  const client = new Client(t, gateway.port);
  for (const [id, wait] of [
    ["quick", "0"],
    ["slow", "60"],
  ] as const) {
    const headers = { "x-request-id": id, "x-wait-ms": wait, "x-latency-budget-us": "0" };
    assert.equal((await client.send(headers)).status, 200);
    assert.equal((await gateway.violation(id)).share, "arrival");
  }
  assert.deepEqual(await gateway.counted("first", 2), { arrival: 2 });
  assert.equal((await gateway.service.takeVisits()).length, 2);
});

test("shed answers instead of trying, and counts as arrival", async (t) => {
  const shed = [
    { name: "first", limit: "1s", mode: "shed" },
    { name: "second", limit: "1s" },
  ];
  const gateway = await startBudgets(t, { configuration: { budgets: shed } });
  const client = new Client(t, gateway.port);
  assert.equal((await client.send({ "x-latency-budget-us": "0", "x-request-id": "no" })).status, 504);
  assert.equal((await client.send({ "x-latency-budget-us": "900000", "x-request-id": "yes" })).status, 200);
  assert.deepEqual(await gateway.counted("first", 2), { arrival: 1 });
  assert.deepEqual(await gateway.counted("second", 2), { arrival: 1 });
  assert.deepEqual(
    (await gateway.service.takeVisits()).map(({ id }) => id),
    ["yes"],
  );
  assert.equal((await gateway.timesOf("no")).line.broken, "first,second");
});
