import assert from "node:assert/strict";
import { test } from "./lib/cases.ts";
import type { Filter } from "./lib/filter.ts";
import { ledgerWeight } from "./lib/ledger.ts";

const SYMBOL = "x-trading-symbol";

function symbols(options: object = {}, more: object = {}): object {
  return { dimensions: [{ label: "symbol", header: SYMBOL, ...options }], ...more };
}

function ask(filter: Filter, symbol: string, worker = 0): void {
  filter.send({ worker, headers: { [SYMBOL]: symbol } });
}

/** Asks often enough for any value to earn its place. */
function insist(filter: Filter, symbol: string, worker = 0): void {
  for (let i = 0; i < 10; i++) ask(filter, symbol, worker);
}

function learned(filter: Filter): string[] {
  return [...filter.valuesOf("symbol")].filter((value) => value !== "other" && value !== "none");
}

test("maxValues values get a place, and keep it; the rest is other and counted", (given) => {
  const filter = given(symbols({ maxValues: 3 }));
  for (const symbol of ["a", "b", "c", "d", "e", "a", "d"]) ask(filter, symbol);
  filter.tick();
  assert.deepEqual(learned(filter).toSorted(), ["a", "b", "c"]);
  assert.deepEqual([filter.requests({ symbol: "a" }), filter.requests({ symbol: "other" })], [2, 3]);
  assert.equal(filter.metric("tickgate_series_overflow_total", { label: "symbol" }), 3);
  filter.tick(1000);
  assert.equal(filter.when({ headers: { [SYMBOL]: "a" } }).labels["symbol"], "a");
});

test("values that say other or none are counted as such", (given) => {
  const filter = given(symbols());
  for (const symbol of ["other", "none", ""]) ask(filter, symbol);
  filter.tick();
  assert.deepEqual([filter.requests({ symbol: "other" }), filter.requests({ symbol: "none" })], [1, 2]);
});

test("at most newValuesPerMinute values are new in a minute, a fixed window", (given) => {
  const filter = given(symbols({ newValuesPerMinute: 5 }));
  const flood = (from: number): void => {
    for (let i = from; i < from + 20; i++) insist(filter, `s${i}`);
  };
  flood(0);
  filter.tick();
  assert.equal(learned(filter).length, 5);
  filter.proxy.advance(59_499);
  flood(20);
  filter.tick(0);
  assert.equal(learned(filter).length, 5);
  filter.proxy.advance(1);
  flood(40);
  filter.tick();
  assert.equal(learned(filter).length, 10);
  assert.equal(filter.requests(), 600);
});

test("workers share the places and the minute", (given) => {
  const filter = given(symbols({ maxValues: 6, newValuesPerMinute: 4 }), { workers: 3 });
  for (let i = 0; i < 30; i++) insist(filter, `s${i}`, i % 3);
  filter.tick();
  assert.equal(learned(filter).length, 4);
  filter.proxy.advance(60_000);
  for (let i = 30; i < 60; i++) insist(filter, `s${i}`, i % 3);
  filter.tick();
  assert.equal(learned(filter).length, 6);
  assert.equal(filter.requests(), 600);
});

test("what one worker admits the others know after a tick, full or not", (given) => {
  const filter = given(symbols({ maxValues: 3 }), { workers: 2 });
  for (const symbol of ["a", "b"]) ask(filter, symbol, 0);
  ask(filter, "c", 1);
  filter.tick();
  for (const worker of [0, 1]) {
    for (const symbol of ["a", "b", "c"]) {
      const { labels } = filter.when({ worker, headers: { [SYMBOL]: symbol } });
      assert.equal(labels["symbol"], symbol);
    }
    assert.equal(filter.when({ worker, headers: { [SYMBOL]: "d" } }).labels["symbol"], "other");
  }
});

test("a value admitted by one worker has its label on another before the tick, too", (given) => {
  const filter = given(symbols({ newValuesPerMinute: 2 }), { workers: 2 });
  for (const symbol of ["a", "b"]) ask(filter, symbol, 0);
  for (const symbol of ["a", "b"]) ask(filter, symbol, 1);
  filter.tick();
  assert.deepEqual([filter.requests({ symbol: "a" }), filter.requests({ symbol: "b" })], [2, 2]);
});

/** Series claimed in the process's ledger. */
function assertTrue(filter: Filter): void {
  filter.tick(2);
  const { stats } = filter.proxy;
  assert.equal(filter.metric("tickgate_series"), ledgerWeight(filter.proxy));
  assert.ok(
    stats.size <= ledgerWeight(filter.proxy),
    `${stats.size} series, ${ledgerWeight(filter.proxy)} claimed`,
  );
  assert.ok(ledgerWeight(filter.proxy) <= filter.cap, `${ledgerWeight(filter.proxy)} of ${filter.cap}`);
}

function crowd(filter: Filter, name: string, count: number): void {
  for (let i = 0; i < count; i++) {
    const headers = { [SYMBOL]: `${name}${i}`, "x-order-type": `t${i % 7}`, "x-strategy-id": `s${i % 11}` };
    const worker = i % filter.plugin.workers.length;
    for (let round = 0; round < 3; round++)
      filter.send({ worker, headers, upstream: { status: 200 + 100 * (i % 4) } });
  }
  filter.tick(2);
}

test("a full budget sends label sets to coarser ones; every request is still counted", (given) => {
  const filter = given({ metrics: { maxSeries: 60 } });
  crowd(filter, "s", 60);
  assertTrue(filter);
  assert.equal(filter.requests(), 180);
  assert.equal(filter.metric("trading_request_duration_us"), 180);
  assert.ok(filter.metric("tickgate_series_overflow_total", { label: "series" }) > 0);
});

test("the cap outlives reloads, updates and other configurations", (given) => {
  const metrics = { maxSeries: 120 };
  const filter = given(
    {
      metrics,
      dimensions: [{ label: "symbol", header: SYMBOL, maxValues: 1000, newValuesPerMinute: 60000 }],
    },
    { workers: 2, failurePolicy: "FAIL_RELOAD" },
  );
  crowd(filter, "a", 50);
  filter.trap(0);
  filter.proxy.advance(2000);
  crowd(filter, "b", 50);
  assertTrue(filter);
  assert.equal(filter.update({ metrics, dimensions: [{ label: "desk", header: SYMBOL }] }), undefined);
  crowd(filter, "c", 50);
  assertTrue(filter);
  const second = given(
    {
      metrics,
      dimensions: [
        { label: "book", header: "x-order-type" },
        { label: "algo", header: SYMBOL },
      ],
    },
    { proxy: filter.proxy, rootId: "second" },
  );
  second.trapsWanted = filter.trapsWanted;
  crowd(second, "d", 50);
  assertTrue(second);
  assert.equal(filter.update({ metrics: { maxSeries: 60 } }), undefined);
  crowd(filter, "e", 20);
  assertTrue(filter);
});

test("room for operations, results and allow-lists is kept from floods", (given) => {
  const filter = given({
    metrics: { maxSeries: 200 },
    operations: [{ name: "place_order", method: "POST" }],
    dimensions: [
      { label: "symbol", header: SYMBOL, maxValues: 1000, newValuesPerMinute: 60_000 },
      { label: "order_type", header: "x-order-type", values: ["market", "limit"] },
    ],
  });
  for (let i = 0; i < 300; i++) insist(filter, `s${i}`);
  filter.tick();
  const statuses = { 200: "ok", 404: "client_error", 500: "server_error" };
  for (const type of ["market", "limit"]) {
    for (const [status, result] of Object.entries(statuses)) {
      const headers = { [SYMBOL]: "s-late", "x-order-type": type };
      const { labels } = filter.when({ method: "POST", headers, upstream: { status: Number(status) } });
      assert.deepEqual(labels, { symbol: "other", order_type: type, operation: "place_order", result });
    }
  }
  assertTrue(filter);
});

test("allow-lists reserve at most half of the budget", (given) => {
  const values = Array.from({ length: 200 }, (_, i) => `v${i}`);
  const filter = given({
    metrics: { maxSeries: 400 },
    dimensions: [{ label: "venue", header: "x-v", values }],
  });
  const bare = given({ metrics: { maxSeries: 400 }, dimensions: [{ label: "venue", header: "x-v" }] });
  const lists = ledgerWeight(filter.proxy) - ledgerWeight(bare.proxy);
  assert.ok(lists <= 200, `${lists} of 400 are reserved`);
});

test("the filter's own metrics keep their room in a flood", (given) => {
  const filter = given({ metrics: { maxSeries: 60 } });
  crowd(filter, "s", 60);
  for (const name of ["tickgate_config_ok", "tickgate_build_info", "tickgate_config_info"]) {
    assert.equal(filter.metric(name), 1, name);
  }
  assert.equal(filter.update({ mode: 7 }) === undefined, false);
  filter.tick();
  assert.ok(filter.failures("config") > 0);
  assertTrue(filter);
});

test("durations by result keep room for every result", (given) => {
  const metrics = { maxSeries: 300, durationLabels: ["operation", "result"] };
  const filter = given({ metrics, operations: [{ name: "place", method: "POST" }] });
  crowd(filter, "s", 100);
  const { grew } = filter.when({ method: "POST", upstream: { status: 503 } });
  assert.equal(grew("trading_request_duration_us", { operation: "place", result: "server_error" }), 1);
});
