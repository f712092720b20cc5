import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import manifest from "../../package.json" with { type: "json" };
import { Proxy } from "../../scripts/lib/emulator/index.ts";
import { test } from "./lib/cases.ts";

const BY_SYMBOL = { dimensions: [{ label: "symbol", header: "x-trading-symbol" }] };
const BY_DESK = { dimensions: [{ label: "desk", header: "x-desk" }] };
const HEADERS = { "x-trading-symbol": "BTC", "x-desk": "fx" };
const ALL = { operation: "none", result: "ok" };

function hashOf(configuration: object | undefined): string {
  const text = configuration === undefined ? "" : JSON.stringify(configuration);
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}

test("two configurations in one VM each label by their own", (given) => {
  const first = given(BY_SYMBOL);
  const second = given(BY_DESK, { proxy: first.proxy, rootId: "second" });
  assert.equal(first.plugin.worker().vm, second.plugin.worker().vm);
  assert.deepEqual(first.when({ headers: HEADERS }).labels, { symbol: "BTC", ...ALL });
  assert.deepEqual(second.when({ headers: HEADERS }).labels, { desk: "fx", ...ALL });
  second.plugin.remove();
  assert.deepEqual(first.when({ headers: HEADERS }).labels, { symbol: "BTC", ...ALL });
});

test("an update keeps the counters; streams in flight end under the configuration they began with", (given) => {
  const filter = given(BY_SYMBOL);
  filter.send({ headers: HEADERS });
  const stream = filter.plugin.worker().stream();
  stream.requestHeaders(HEADERS);
  assert.equal(filter.update(BY_DESK), undefined);
  assert.deepEqual(filter.when({ headers: HEADERS }).labels, { desk: "fx", ...ALL });
  stream.responseHeaders({ ":status": "404" });
  stream.end();
  assert.equal(filter.requests({ symbol: "BTC", result: "ok" }), 1);
  assert.equal(filter.requests({ symbol: "BTC", result: "client_error" }), 1);
  assert.equal(filter.requests({ desk: "fx" }), 1);
});

test("the values that an update knows already keep their places", (given) => {
  const dimension = { label: "symbol", header: "x-trading-symbol", maxValues: 2 };
  const filter = given({ dimensions: [dimension] });
  for (const symbol of ["a", "b", "c"]) filter.send({ headers: { "x-trading-symbol": symbol } });
  assert.equal(filter.update({ dimensions: [dimension], stages: { values: ["db"] } }), undefined);
  for (const [symbol, label] of Object.entries({ a: "a", b: "b", c: "other" })) {
    assert.equal(filter.when({ headers: { "x-trading-symbol": symbol } }).labels["symbol"], label);
  }
});

test("a refused update says why and changes nothing", (given) => {
  const filter = given(BY_SYMBOL, { workers: 2 });
  const root = filter.plugin.worker().rootContextId;
  const stream = filter.plugin.worker().stream();
  stream.requestHeaders(HEADERS);
  const bad = { metrics: { maxSeries: -5 } };
  assert.equal(filter.update(bad), "metrics.maxSeries: -5 is not in 1..100000");
  assert.equal(filter.plugin.worker().rootContextId, root);
  stream.responseHeaders({ ":status": "200" });
  stream.end();
  assert.deepEqual(filter.when({ headers: HEADERS, worker: 1 }).labels, { symbol: "BTC", ...ALL });
  assert.equal(filter.requests({ symbol: "BTC" }), 2);
  assert.ok(filter.failures("config") > 0);
  assert.equal(filter.metric("tickgate_config_ok"), 1);
  assert.equal(filter.metric("tickgate_config_info", { config: hashOf(bad) }), 0);
});

test("a bad first configuration is refused and counted", (given) => {
  const proxy = new Proxy();
  for (const env of [{}, { TICKGATE_COLD_START: "refuse" }, { TICKGATE_COLD_START: "PASS" }]) {
    assert.throws(() => given("{", { proxy, env }), /Failed to configure base Wasm plugin/);
  }
  const lines = proxy.log.messages({ source: "filter", level: "error" });
  assert.ok(lines[0]?.startsWith("configuration refused: byte "), lines[0]);
  assert.ok(proxy.stats.value("tickgate_failures_total", { reason: "config" }) > 0);
  assert.deepEqual([proxy.errors, proxy.log.messages({ level: "critical" })], [[], []]);
});

const PASS = { TICKGATE_COLD_START: "pass", OTHER: "x", TICKGATE: "y" };

test("a cold start that passes lets traffic through untouched until a configuration is accepted", (given) => {
  const filter = given({ mode: 7 }, { env: PASS, workers: 2 });
  for (const worker of [0, 1]) {
    const { seen } = filter.when({ worker, headers: HEADERS });
    assert.deepEqual([seen.status, seen.upstream.reached, seen.calls.total], [200, true, 0]);
  }
  assert.equal(filter.requests(), 0);
  assert.equal(filter.metric("tickgate_config_ok"), 0);
  assert.ok(filter.failures("config") > 0);
  assert.match(filter.refusals()[0] ?? "", /^mode: 7 is not/);
  const stream = filter.plugin.worker().stream();
  stream.requestHeaders(HEADERS);
  assert.equal(filter.update(BY_SYMBOL), undefined);
  stream.responseHeaders({ ":status": "200" });
  stream.end();
  assert.deepEqual(filter.when({ headers: HEADERS }).labels, { symbol: "BTC", ...ALL });
  assert.equal(filter.metric("tickgate_config_ok"), 1);
  assert.match(filter.update({ mode: 8 }) ?? "", /^mode: 8 is not/);
  assert.deepEqual(filter.when({ headers: HEADERS, worker: 1 }).labels, { symbol: "BTC", ...ALL });
});

test("once a good configuration has run, a bad one is refused in every VM of the process", (given) => {
  const first = given(BY_SYMBOL, { env: PASS });
  assert.throws(
    () => given({ mode: 7 }, { proxy: first.proxy, rootId: "second", env: PASS }),
    /Unable to create/,
  );
  assert.deepEqual(first.when({ headers: HEADERS }).labels, { symbol: "BTC", ...ALL });
});

test("proxy_on_log is a stream's first and only callback where an earlier filter answered", (given) => {
  const filter = given();
  filter.send({ headers: HEADERS });
  const { seen, labels, micros, grew } = filter.when({
    headers: HEADERS,
    earlyReply: { status: 403, details: "rbac_access_denied" },
  });
  const lived = ["proxy_on_context_create", "proxy_on_log", "proxy_on_done"];
  assert.deepEqual(
    seen.callbacks.filter((name) => name !== "proxy_on_delete"),
    lived,
  );
  assert.deepEqual(
    [labels["symbol"], labels["result"], labels["operation"]],
    ["BTC", "client_error", "none"],
  );
  assert.deepEqual(micros, []);
  assert.equal(grew("tickgate_failures_total"), 0);
});

test("a value no admitted request has shown gets no place from a refused one", (given) => {
  const filter = given();
  const { labels } = filter.when({ headers: HEADERS, earlyReply: { status: 401 } });
  assert.equal(labels["symbol"], "other");
});

test("a stream that ends without a log is forgotten", (given) => {
  const filter = given();
  const stream = filter.plugin.worker().stream();
  stream.requestHeaders(HEADERS);
  stream.destroy();
  assert.equal(filter.when({ headers: HEADERS }).labels["symbol"], "BTC");
  assert.equal(filter.requests(), 1);
});

test("a plugin's removal loses no count", (given) => {
  const filter = given(BY_SYMBOL, { workers: 2 });
  const other = given(BY_DESK, { proxy: filter.proxy, rootId: "other" });
  const stream = filter.plugin.worker().stream();
  stream.requestHeaders(HEADERS);
  for (const worker of [0, 1]) filter.send({ worker, headers: HEADERS });
  filter.plugin.remove();
  stream.responseHeaders({ ":status": "500" });
  stream.end();
  assert.equal(filter.requests({ symbol: "BTC" }), 3);
  assert.equal(filter.requests({ symbol: "BTC", result: "server_error" }), 1);
  assert.equal(filter.metric("tickgate_config_info", { config: hashOf(BY_SYMBOL) }), 0);
  assert.equal(other.when({ headers: HEADERS }).labels["desk"], "fx");
});

test("config_info is 1 for the configuration that runs and 0 for those that did", (given) => {
  const filter = given(undefined, { workers: 2 });
  const infoOf = (configuration?: object): number =>
    filter.metric("tickgate_config_info", { config: hashOf(configuration) });
  assert.equal(infoOf(), 1);
  filter.update(BY_SYMBOL);
  filter.tick();
  assert.deepEqual([infoOf(), infoOf(BY_SYMBOL)], [0, 1]);
  filter.update(BY_DESK);
  filter.tick(3);
  assert.deepEqual([infoOf(), infoOf(BY_SYMBOL), infoOf(BY_DESK)], [0, 0, 1]);
});

test("the build tells its version", (given) => {
  const version = manifest.version.replaceAll(".", "_");
  assert.equal(given().metric("tickgate_build_info", { version }), 1);
});
