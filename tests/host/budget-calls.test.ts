import assert from "node:assert/strict";
import type { Filter } from "./lib/filter.ts";
import { test, type Given } from "./lib/cases.ts";
import type { Sent } from "./lib/traffic.ts";

// What a budget costs: calls to the host over a request's whole life, and how many of them return bytes.

const sent: Sent = { headers: { "x-user-id": "u" }, upstream: { status: 200, delayMicros: 200 } };

/** Calls beyond those of the same request without a budget, by name, and bytes returned beyond. */
function added(
  given: Given,
  budget: object,
  more: object = {},
  request: Sent = sent,
): Record<string, number> {
  const plain = warm(given({ ...more }), request);
  const judged = warm(given({ ...more, budgets: [{ name: "b", limit: "1ms", ...budget }] }), request);
  const base = plain.send(request).calls;
  const calls = judged.send(request).calls;
  const differences = Object.entries(calls.toRecord()).map(
    ([name, count]) => [name, count - base.of(name)] as const,
  );
  return {
    ...Object.fromEntries(differences.filter(([, count]) => count !== 0)),
    total: calls.total - base.total,
    returned: calls.mallocs - base.mallocs,
  };
}

/** Metrics are defined and values admitted by the first requests. */
function warm(filter: Filter, request: Sent): Filter {
  for (let i = 0; i < 3; i++) filter.send(request);
  filter.tick();
  return filter;
}

test("a request within its budget pays one look at the clock", (given) => {
  assert.deepEqual(added(given, {}), { clock_time_get: 1, total: 1, returned: 0 });
  assert.deepEqual(added(given, { measure: "complete" }), { clock_time_get: 1, total: 1, returned: 0 });
  assert.deepEqual(added(given, { mode: "shed" }), { clock_time_get: 1, total: 1, returned: 0 });
});

test("announcing adds the header's write, and nothing that returns bytes", (given) => {
  assert.deepEqual(added(given, { announce: true }), {
    clock_time_get: 1,
    proxy_replace_header_map_value: 1,
    total: 2,
    returned: 0,
  });
});

test("propagating adds a second look at the clock and the header's write", (given) => {
  assert.deepEqual(added(given, { propagate: true }), {
    clock_time_get: 2,
    proxy_replace_header_map_value: 1,
    total: 3,
    returned: 0,
  });
});

test("a budget of another operation costs nothing", (given) => {
  const operations = { operations: [{ name: "place_order", method: "POST", path: "/orders" }] };
  assert.deepEqual(added(given, { operations: ["place_order"] }, operations), { total: 0, returned: 0 });
});

test("a broken budget reads what Envoy knows, once", (given) => {
  const slow: Sent = { ...sent, upstream: { status: 200, delayMicros: 5000 } };
  const spent = added(given, {}, {}, slow);
  assert.ok((spent.proxy_get_property ?? 0) <= 3, JSON.stringify(spent));
});

test("a clock that fails spoils no budget: nothing is announced, forwarded short, or called broken", (given) => {
  const budget = { name: "b", limit: "1ms", announce: true, propagate: true };
  for (const nth of [1, 2, 3]) {
    const filter = given({ budgets: [budget] });
    filter.proxy.faults.fail("clock_time_get", 1, { nth, thread: "worker0" });
    const { seen, grew } = filter.when(sent);
    assert.equal(grew("trading_budget_violations_total"), 0, `clock call ${nth}`);
    assert.equal(grew("tickgate_failures_total", { reason: "clock" }) > 0, true, `clock call ${nth}`);
    assert.notEqual(seen.upstream.headers?.get("x-latency-budget-us"), "0");
    assert.doesNotMatch(seen.response.headers?.get("x-latency-budget") ?? "", /over/);
  }
});
