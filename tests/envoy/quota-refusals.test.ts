import assert from "node:assert/strict";
import { test } from "node:test";
import { wasmFilter } from "../../scripts/lib/envoy/wasm.ts";
import { tickgate } from "./lib/gateway.ts";
import { accessLine } from "./lib/lines.ts";
import { buildProbe } from "./lib/modules.ts";
import { ownFields, startLogged, type RawResponse } from "./lib/raw-replies.ts";

// The refusals that are not of a quota, over HTTP/1.1, and the switches that refuse nothing.

const slowQuota = { name: "orders-per-user", key: ["user"], limit: 1, window: "10s", burst: 2 };

test("nobody where somebody is wanted: 401", async (t) => {
  const gateway = await startLogged(t, { identity: { anonymous: "reject" }, quotas: [slowQuota] });
  const refused = await gateway.send([["x-request-id", "nobody"]]);
  assert.equal(refused.status, 401);
  assert.deepEqual(ownFields(refused), {
    "content-type": "text/plain",
    "content-length": String("no user is identified".length),
    "www-authenticate": 'Bearer realm="tickgate"',
    "x-envoy-ratelimited": "true",
  });
  assert.equal(refused.body, "no user is identified");
  assert.equal((await accessLine(gateway.envoy, "nobody")).details, "tickgate_unidentified");
});

test("a budget spent on arrival: 504", async (t) => {
  const gateway = await startLogged(t, { budgets: [{ name: "b", limit: "1s", mode: "shed" }] });
  const refused = await gateway.send([
    ["x-latency-budget-us", "0"],
    ["x-request-id", "late"],
  ]);
  assert.equal(refused.status, 504);
  assert.equal(refused.headers["x-envoy-ratelimited"], "true");
  assert.equal(refused.body, "the caller's latency budget is spent");
  assert.equal((await accessLine(gateway.envoy, "late")).details, "tickgate_budget_spent");
  assert.equal(gateway.upstream.received.length, 0);
});

test("the filter's own failure: 503 or let through, as configured", async (t) => {
  const poison = wasmFilter({ name: "poison", module: await buildProbe(t, "poison") });
  for (const failureMode of ["deny", "allow"]) {
    const filters = [poison, tickgate({ configuration: { failureMode, quotas: [slowQuota] } })];
    const gateway = await startLogged(t, {}, { filters });
    const replies: RawResponse[] = [];
    for (const id of ["a", "b", "c"])
      replies.push(
        await gateway.send([
          ["x-user-id", "u"],
          ["x-request-id", id],
        ]),
      );
    const statuses = replies.map(({ status }) => status);
    const metrics = await gateway.counted(3);
    const decided = metrics.sum("trading_quota_decisions_total", { decision: "failed" });
    assert.equal(decided, 3);
    assert.ok(metrics.sum("tickgate_failures_total", { reason: "store" }) >= 3);
    if (failureMode === "allow") {
      assert.deepEqual(statuses, [200, 200, 200]);
      continue;
    }
    assert.deepEqual(statuses, [503, 503, 503]);
    assert.equal(replies[0]?.body, "the quota could not be checked");
    assert.equal(replies[0]?.headers["x-envoy-ratelimited"], "true");
    assert.equal((await accessLine(gateway.envoy, "a")).details, "tickgate_failed");
  }
});

test("observe refuses nothing", async (t) => {
  const gateway = await startLogged(t, { mode: "observe", quotas: [slowQuota] });
  for (let i = 0; i < 5; i++) assert.equal((await gateway.send([["x-user-id", "u"]])).status, 200);
  const metrics = await gateway.counted(5);
  assert.equal(metrics.value("trading_quota_decisions_total", { decision: "shadow_denied" }), 3);
});
