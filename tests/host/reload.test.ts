import assert from "node:assert/strict";
import { Proxy, type LogLevel } from "../../scripts/lib/emulator/index.ts";
import { test } from "./lib/cases.ts";

const HEADERS = { "x-trading-symbol": "BTC" };
const TRUST = 'trustedPeers: "*" believes the trading headers of anyone who can reach this proxy';

test("a reloaded VM counts on where the old one was", (given) => {
  const dimension = { label: "symbol", header: "x-trading-symbol", maxValues: 2 };
  const filter = given({ dimensions: [dimension] }, { failurePolicy: "FAIL_RELOAD", workers: 2 });
  for (const symbol of ["BTC", "ETH", "XRP"]) filter.when({ headers: { "x-trading-symbol": symbol } });
  const series = filter.metric("tickgate_series");
  assert.equal(filter.trap().status, 503);
  assert.equal(filter.when({ headers: HEADERS, worker: 1 }).labels["symbol"], "BTC");
  filter.proxy.advance(1000);
  assert.equal(filter.when({ headers: HEADERS }).labels["symbol"], "BTC");
  assert.equal(filter.when({ headers: { "x-trading-symbol": "DOT" } }).labels["symbol"], "other");
  assert.equal(filter.requests({ symbol: "BTC" }), 3);
  assert.equal(filter.metric("tickgate_series"), series);
  assert.deepEqual(filter.plugin.worker().reloads, { success: 1, failure: 0, backoff: 0 });
});

test("what was counted before the last tick survives a trap in any callback", (given) => {
  for (const call of ["clock_time_get", "proxy_get_header_map_pairs"] as const) {
    const filter = given(undefined, { failurePolicy: "FAIL_RELOAD" });
    filter.when({ headers: HEADERS });
    filter.trap(0, call);
    filter.proxy.advance(1000);
    filter.when({ headers: HEADERS });
    assert.equal(filter.requests({ symbol: "BTC" }), 2);
  }
});

test("FAIL_OPEN passes traffic by a dead filter, FAIL_CLOSED refuses it", (given) => {
  const open = given(undefined, { failurePolicy: "FAIL_OPEN" });
  open.trap();
  assert.deepEqual([open.send().status, open.send().bypassed], [200, true]);
  const closed = given(undefined, { failurePolicy: "FAIL_CLOSED" });
  closed.trap();
  assert.equal(closed.send().response.details, "wasm_fail_stream");
});

function linesAt(level: LogLevel, given: Parameters<Parameters<typeof test>[1]>[0]): string[] {
  const proxy = new Proxy({ workers: 2 });
  proxy.log.level = level;
  const filter = given(undefined, { proxy });
  for (let i = 0; i < 100; i++) filter.send({ headers: HEADERS, worker: i % 2 });
  filter.tick(3);
  return proxy.log.messages({ source: "filter" });
}

test("nothing is logged about requests; the warning of trust comes once a process", (given) => {
  assert.deepEqual(linesAt("info", given), [TRUST]);
  assert.deepEqual(linesAt("warn", given), [TRUST]);
});

test("lines below the host's level do not cross to it", (given) => {
  assert.deepEqual(linesAt("error", given), []);
  assert.deepEqual(linesAt("critical", given), []);
});

test("a list of trusted peers needs no warning", (given) => {
  const filter = given({ trustedPeers: ["spiffe://a/b"] });
  assert.deepEqual(filter.proxy.log.messages({ source: "filter" }), []);
});

test("the level is asked for at every tick and at every configuration", (given) => {
  const filter = given({ trustedPeers: [] });
  filter.proxy.log.level = "critical";
  assert.equal(
    filter.update({ mode: 1 }),
    "no message: Unable to create Wasm plugin tickgate: Failed to configure base Wasm plugin",
  );
  filter.proxy.log.level = "error";
  assert.match(filter.update({ mode: 2 }) ?? "", /^mode: 2/);
  filter.proxy.calls.reset();
  filter.tick();
  assert.ok(filter.proxy.calls.of("proxy_get_log_level") > 0);
});
