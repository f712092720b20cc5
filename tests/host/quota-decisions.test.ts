import assert from "node:assert/strict";
import { test } from "./lib/cases.ts";
import type { Filter, Outcome } from "./lib/filter.ts";
import { by, from, on, spendAll, statuses } from "./lib/quotas.ts";

const METRIC = "trading_quota_decisions_total";
const PEER = "spiffe://cluster.local/ns/trading/sa/";

function decisions(filter: Filter, quota: string): Record<string, number> {
  filter.tick();
  const series = filter.proxy.stats.series(METRIC, { quota });
  return Object.fromEntries(
    series.filter((one) => one.value > 0).map((one) => [one.labels["decision"] ?? "", one.value]),
  );
}

test("a burst at once, then the rate, on whichever worker", (given) => {
  const filter = given({ quotas: [{ name: "q", limit: 10, burst: 5 }] }, { workers: 3 });
  const seen = Array.from({ length: 8 }, (_, i) => filter.send(on(i % 3, by("u"))).status);
  assert.deepEqual(seen, [200, 200, 200, 200, 200, 429, 429, 429]);
  for (let i = 0; i < 20; i++) {
    filter.proxy.advance(99);
    assert.equal(filter.send(on(i % 3, by("u"))).status, 429);
    filter.proxy.advance(1);
    assert.equal(filter.send(on((i + 1) % 3, by("u"))).status, 200);
  }
  assert.deepEqual(decisions(filter, "q"), { allowed: 25, denied: 23 });
});

test("a limit is in whatever window it is given", (given) => {
  const filter = given({ quotas: [{ name: "q", limit: 2, window: "24h" }] });
  assert.equal(spendAll(filter, by("u")), 2);
  filter.proxy.clock.move(43_199_000_000_000n);
  assert.equal(spendAll(filter, by("u")), 0);
  filter.proxy.clock.move(1_000_000_000n);
  assert.equal(spendAll(filter, by("u")), 1);
});

test("keys: user, peer, operation, dimension, nothing", (given) => {
  const filter = given({
    operations: [{ name: "place", method: "POST" }, { name: "quote" }],
    dimensions: [{ label: "symbol", header: "x-symbol", values: ["BTC", "ETH"] }],
    trustedPeers: [`${PEER}a`, `${PEER}b`],
    quotas: [{ name: "q", key: ["peer", "operation", "symbol"], limit: 2 }],
  });
  const ask = (peer: string, operation: string, symbol: string): number =>
    spendAll(filter, from(PEER + peer, by("u", { "x-symbol": symbol, "x-trading-operation": operation })));
  assert.deepEqual([ask("a", "quote", "BTC"), ask("a", "quote", "BTC")], [2, 0]);
  assert.deepEqual(
    [ask("b", "quote", "BTC"), ask("a", "nonsense", "BTC"), ask("a", "quote", "ETH")],
    [2, 2, 2],
  );
  assert.deepEqual(
    [ask("a", "quote", "made-up"), ask("a", "quote", "other"), ask("a", "quote", "x")],
    [2, 0, 0],
  );
  const all = given({ quotas: [{ name: "q", key: [], limit: 2 }] });
  assert.deepEqual([spendAll(all, by("a")), spendAll(all, by("b"))], [2, 0]);
});

test("symbols beyond the cap share the bucket of `other`", (given) => {
  const filter = given({
    dimensions: [{ label: "symbol", header: "x-symbol", maxValues: 3, newValuesPerMinute: 100 }],
    quotas: [{ name: "q", key: ["user", "symbol"], limit: 5 }],
  });
  let passed = 0;
  for (let i = 0; i < 200; i++)
    passed += Number(filter.send(by("u", { "x-symbol": `S${i}` })).status === 200);
  assert.ok(passed <= 5 * 4, `${passed} of made-up symbols`);
  assert.equal(spendAll(filter, by("u", { "x-symbol": "S199" })), 0);
});

test("operations select quotas", (given) => {
  const filter = given({
    operations: [
      { name: "place", method: "POST", path: "/orders" },
      { name: "cancel", method: "DELETE", pathPrefix: "/orders/" },
    ],
    quotas: [
      { name: "place", operations: ["place"], limit: 2 },
      { name: "cancel", operations: ["cancel"], limit: 3 },
    ],
  });
  assert.equal(spendAll(filter, by("u", {}, { method: "POST", path: "/orders?x=1" })), 2);
  assert.equal(spendAll(filter, by("u", {}, { method: "DELETE", path: "/orders/7" })), 3);
  assert.equal(spendAll(filter, by("u", {}, { path: "/anything" }), 20), 20);
});

test("tiers: one bucket, the rate of the tier; unknown and double ones are the base", (given) => {
  const filter = given({
    quotas: [{ name: "q", limit: 2, tiers: { gold: { limit: 6 }, iron: { limit: 1 } } }],
  });
  const tier = (user: string, name: string | readonly string[]): number =>
    spendAll(filter, by(user, { "x-user-tier": name }));
  assert.deepEqual(
    [tier("a", "gold"), tier("b", "iron"), tier("c", "nonsense"), tier("d", "")],
    [6, 1, 2, 2],
  );
  assert.deepEqual([tier("e", ["gold", "gold"]), tier("f", "GOLD"), spendAll(filter, by("g"))], [2, 2, 2]);
  assert.deepEqual([tier("h", "iron"), tier("h", "gold")], [1, 0], "a second spent is spent for every tier");
});

test("cost: told, absent, 0, too much, unreadable, double", (given) => {
  const filter = given({ quotas: [{ name: "q", limit: 12, cost: { header: "x-cost", max: 6 } }] });
  const passes = (cost?: string | readonly string[]): number =>
    spendAll(filter, by(`u${String(cost)}`, cost === undefined ? {} : { "x-cost": cost }));
  assert.deepEqual([passes("1"), passes("4"), passes("6"), passes()], [12, 3, 2, 12]);
  for (const most of ["0", "7", "-1", "1.5", "1e1", " 1", "", "99999999999999999999", "x", "+1"])
    assert.equal(passes(most), 2, most);
  assert.equal(passes(["1", "1"]), 2);
});

test("several quotas: all must allow, a refusal charges none, and counts only where refused", (given) => {
  const filter = given({
    quotas: [
      { name: "user", limit: 5 },
      { name: "all", key: [], limit: 8 },
    ],
  });
  assert.equal(spendAll(filter, by("a")), 5);
  assert.equal(spendAll(filter, by("b")), 3);
  for (let i = 0; i < 50; i++) assert.equal(filter.send(by("c")).status, 429);
  assert.deepEqual(decisions(filter, "user"), { allowed: 8, denied: 1 });
  assert.deepEqual(decisions(filter, "all"), { allowed: 8, denied: 51 });
  assert.equal(spendAll(filter, by("c")), 5, "nobody paid for what was refused");
  assert.equal(spendAll(filter, by("b")), 3);
});

test("the quota with the longest wait is named", (given) => {
  const filter = given({
    quotas: [
      { name: "second", limit: 1 },
      { name: "hour", limit: 1, window: "1h" },
      { name: "minute", limit: 1, window: "1m" },
    ],
  });
  filter.send(by("u"));
  const { headers, body } = filter.send(by("u")).response;
  assert.equal(headers?.get("retry-after"), "3600");
  assert.equal(headers?.get("ratelimit"), '"hour";r=0;t=3600');
  assert.deepEqual(JSON.parse(body)["violated-policies"], ["second", "hour", "minute"]);
});

test("shadow decides and charges as enforce would, and refuses nothing", (given) => {
  const filter = given({ quotas: [{ name: "q", limit: 3, mode: "shadow" }] });
  assert.deepEqual(statuses(filter, Array(5).fill(by("u"))), [200, 200, 200, 200, 200]);
  assert.deepEqual(decisions(filter, "q"), { allowed: 3, shadow_denied: 2 });
  assert.equal(filter.update({ quotas: [{ name: "q", limit: 3 }] }), undefined);
  filter.tick(2);
  assert.equal(spendAll(filter, by("u")), 3);
});

test("a shadow quota beside an enforced one: charged while the other allows, never when it refuses", (given) => {
  const filter = given({
    quotas: [
      { name: "dark", limit: 2, mode: "shadow" },
      { name: "real", limit: 4 },
    ],
  });
  assert.equal(spendAll(filter, by("u")), 4);
  assert.deepEqual(decisions(filter, "real"), { allowed: 4, denied: 1 });
  const { allowed = 0, shadow_denied: denied = 0 } = decisions(filter, "dark");
  assert.equal(allowed, 2);
  assert.ok(denied >= 2);
});

test("observe refuses nothing and counts what it would have refused", (given) => {
  const filter = given({ mode: "observe", quotas: [{ name: "q", limit: 3 }] });
  assert.deepEqual(statuses(filter, Array(5).fill(by("u"))), [200, 200, 200, 200, 200]);
  assert.deepEqual(decisions(filter, "q"), { allowed: 3, shadow_denied: 2 });
});

test("announce: what is left, on responses that passed", (given) => {
  const filter = given({
    quotas: [
      { name: "q", limit: 2, window: "10s", burst: 3, announce: true },
      { name: "quiet", limit: 100 },
      { name: "all", key: [], limit: 100, announce: true },
    ],
  });
  const fields = (): (string | undefined)[] => {
    const { headers } = filter.send(by("u")).response;
    return [headers?.get("ratelimit-policy"), headers?.get("ratelimit")];
  };
  const policy = '"q";q=3;w=15, "all";q=100;w=1';
  assert.deepEqual(fields(), [policy, '"q";r=2;t=0, "all";r=99;t=0']);
  assert.deepEqual(fields(), [policy, '"q";r=1;t=0, "all";r=98;t=0']);
  assert.deepEqual(fields(), [policy, '"q";r=0;t=5, "all";r=97;t=0']);
});

test("announce replaces what the upstream says of itself", (given) => {
  const filter = given({ quotas: [{ name: "q", limit: 5, announce: true }] });
  const upstream = { headers: { ratelimit: '"x";r=7' } };
  assert.equal(filter.send(by("u", {}, { upstream })).response.headers?.get("ratelimit"), '"q";r=4;t=0');
});

test("announce on a leased quota tells what this worker may still let through", (given) => {
  const filter = given({ quotas: [{ name: "q", limit: 10, announce: true, precision: { lease: 10 } }] });
  const left = (): string | undefined => filter.send(by("u")).response.headers?.get("ratelimit");
  assert.deepEqual([left(), left(), left()], ['"q";r=9;t=0', '"q";r=8;t=0', '"q";r=7;t=0']);
});

const BY_SYMBOL = { name: "q", key: ["user", "symbol"], limit: 5, window: "1h" };

test("a new symbol has its bucket from its first request on, and all workers charge the same", (given) => {
  const filter = given({ quotas: [BY_SYMBOL] }, { workers: 4 });
  const ask = (worker: number, symbol: string): number =>
    spendAll(filter, on(worker, by("u", { "x-trading-symbol": symbol })));
  assert.deepEqual(
    [0, 1, 2, 3].map((worker) => ask(worker, "BTC")),
    [5, 0, 0, 0],
  );
  assert.deepEqual(
    [0, 1, 2, 3].map((worker) => ask(worker, "ETH")),
    [5, 0, 0, 0],
  );
});

test("a worker knows the symbols that the others have placed, before any tick and however scarce places are", (given) => {
  const dimensions = [{ label: "symbol", header: "x-trading-symbol", maxValues: 12 }];
  const filter = given({ dimensions, quotas: [BY_SYMBOL] }, { workers: 2 });
  const ask = (worker: number, symbol: string): number =>
    spendAll(filter, on(worker, by("u", { "x-trading-symbol": symbol })));
  for (let i = 0; i < 8; i++) assert.equal(ask(0, `S${i}`), 5);
  // The ninth has to be seen more than once; until then it is one of the others.
  ask(0, "NINTH");
  ask(0, "NINTH");
  assert.deepEqual(
    ["S7", "NINTH"].map((symbol) => ask(1, symbol)),
    [0, 0],
  );
});

test("operations that no configuration names have buckets of their own too", (given) => {
  const filter = given({ quotas: [{ name: "q", key: ["operation"], limit: 2, window: "1h" }] });
  const ask = (operation: string): number => spendAll(filter, by("u", { "x-trading-operation": operation }));
  assert.deepEqual([ask("a"), ask("b"), ask("a")], [2, 2, 0]);
});

test("a quota that would refuse too is heard, though another refuses from memory", (given) => {
  const operations = [
    { name: "order", path: "/order" },
    { name: "quote", path: "/quote" },
  ];
  const short = { name: "short", operations: ["order"], limit: 1, window: "10s" };
  for (const mode of ["enforce", "shadow"]) {
    const long = { name: "long", limit: 10, window: "1h", mode };
    const filter = given({ operations, quotas: [short, long] });
    const send = (path: string): Outcome => filter.when(by("u", {}, { path }));
    assert.deepEqual(
      [send("/order"), send("/order")].map(({ seen }) => seen.status),
      [200, 429],
    );
    for (let i = 0; i < 9; i++) assert.equal(send("/quote").seen.status, 200);
    const { seen, grew } = send("/order");
    const counted = { quota: "long", decision: mode === "shadow" ? "shadow_denied" : "denied" };
    assert.equal(grew("trading_quota_decisions_total", counted), 1);
    const wait = Number(seen.response.headers?.get("retry-after"));
    assert.ok(mode === "shadow" ? wait <= 10 : wait > 300, `retry-after ${wait}`);
  }
});
