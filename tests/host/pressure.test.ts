import assert from "node:assert/strict";
import { LoadError, Proxy, type Stream } from "../../scripts/lib/emulator/index.ts";
import { test } from "./lib/cases.ts";
import type { Filter } from "./lib/filter.ts";
import { BUSY } from "./lib/scenario.ts";

const CONFIGURATION = { metrics: { maxSeries: 100 } };

/** Loads with at most `pages` of memory; undefined where that was refused, with a message. */
function squeezed(given: Parameters<Parameters<typeof test>[1]>[0], pages: number): Filter | undefined {
  const proxy = new Proxy();
  try {
    return given(CONFIGURATION, { proxy, maxMemoryPages: pages });
  } catch (error) {
    assert.ok(error instanceof LoadError);
    assert.deepEqual(
      proxy.log.messages({ source: "envoy" }).filter((line) => line.includes("RuntimeError")),
      [],
    );
    return undefined;
  }
}

function floodOf(filter: Filter, count: number): Stream[] {
  return Array.from({ length: count }, (_, i) => {
    const stream = filter.plugin.worker().stream();
    stream.requestHeaders([
      [":path", "/"],
      ["x-trading-symbol", `s${i}`],
      ["x-filler", "f".repeat(i % 7 === 0 ? 60_000 : 10)],
    ]);
    assert.ok(stream.forwarded);
    return stream;
  });
}

test("with any amount of memory the filter loads or refuses, and then works", (given) => {
  const enough = (given(CONFIGURATION).plugin.worker().memoryBytes >> 16) + 3;
  let loaded = 0;
  for (let pages = 2; pages <= enough; pages++) {
    const filter = squeezed(given, pages);
    if (filter === undefined) continue;
    loaded++;
    for (const stream of floodOf(filter, 50)) {
      stream.responseHeaders({ ":status": "200" });
      assert.equal(stream.end().status, 200);
    }
    filter.tick(2);
  }
  assert.ok(loaded > 0);
});

test("streams that find no memory pass uncounted, and are counted as a failure", (given) => {
  const pages = (given(CONFIGURATION).plugin.worker().memoryBytes >> 16) + 8;
  const filter = given(CONFIGURATION, { proxy: new Proxy(), maxMemoryPages: pages });
  const count = 20_000;
  for (const stream of floodOf(filter, count)) {
    stream.responseHeaders({ ":status": "200" });
    assert.equal(stream.end().status, 200);
  }
  filter.tick(2);
  const unseen = count - filter.requests();
  assert.ok(unseen > 0);
  assert.equal(filter.failures("memory"), unseen);
  const later = filter.when();
  assert.equal(later.labels["result"], "ok");
});

test("headers that find no memory are counted as a failure; the request passes", (given) => {
  const filter = given(CONFIGURATION);
  const fault = filter.proxy.faults.fail("malloc", 0, { thread: "worker0" });
  for (let i = 0; i < 10; i++) assert.equal(filter.send().status, 200);
  fault.remove();
  filter.tick();
  assert.ok(filter.failures("headers") >= 10);
  assert.equal(filter.when({ headers: { "x-trading-symbol": "BTC" } }).labels["symbol"], "BTC");
});

const FOREIGN: readonly Uint8Array[] = [
  new Uint8Array(0),
  Uint8Array.of(0),
  Uint8Array.of(255, 255, 255, 255),
  Uint8Array.of(255, 255, 255, 127),
  new Uint8Array(12).fill(255),
  new Uint8Array(12).fill(0x7f),
  new Uint8Array(64).fill(0x3b),
  new Uint8Array(70_000).fill(0xfe),
];

function groupedBy(keys: readonly string[], kindOf: (key: string) => string): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const key of keys) groups.set(kindOf(key), [...(groups.get(kindOf(key)) ?? []), key]);
  return groups;
}

/** Of every kind of key a filter writes in its life, the first and the last. */
function ownKeys(given: Parameters<Parameters<typeof test>[1]>[0]): string[] {
  const filter = given(BUSY);
  live(filter);
  const keys = filter.proxy.sharedData.keys();
  const kinds = groupedBy(keys, (key) => key.split(":").slice(0, 3).join(":").replace(/\..*/, ""));
  return [...kinds.values()].flatMap((alike) => alike.filter((_, i) => i === 0 || i === alike.length - 1));
}

function live(filter: Filter): void {
  for (let i = 0; i < 12; i++) {
    const sent = { method: "POST", headers: { "x-trading-symbol": `s${i}`, "x-order-type": "limit" } };
    assert.equal(filter.send(sent).status, 200);
    assert.equal(filter.send(sent).status, 200);
  }
  filter.tick(2);
}

test("bytes of somebody else under our shared keys are survived", (given) => {
  for (const key of ownKeys(given)) {
    for (const value of FOREIGN) {
      const proxy = new Proxy();
      proxy.sharedData.set("", key, value);
      const filter = given(BUSY, { proxy });
      live(filter);
      assert.ok(filter.requests() <= 24);
      // Only a ledger that says it is full may keep requests from being counted.
      if (key !== "tg1:n") assert.equal(filter.requests(), 24, `${key} ${value.length}`);
    }
  }
});

test("values of somebody else in a list of places become labels spelled as ours", (given) => {
  const proxy = new Proxy();
  const forged = new TextEncoder().encode("x;.;result=.=server_error;.;");
  proxy.sharedData.set("", "tg1:p:symbol:0", forged);
  const filter = given(BUSY, { proxy });
  filter.when({ headers: { "x-trading-symbol": "x;.;result=.=server_error;.;" } });
  assert.equal(filter.requests({ symbol: "x___result___server_error___", result: "ok" }), 1);
});

test("keys changed while the filter runs are survived", (given) => {
  for (const value of FOREIGN) {
    const filter = given(BUSY);
    live(filter);
    for (const key of filter.proxy.sharedData.keys()) filter.proxy.sharedData.set("", key, value);
    live(filter);
    filter.plugin.update({ configuration: { ...BUSY, mode: "observe" } });
    live(filter);
    assert.ok(filter.requests() <= 72);
  }
});

test("a stream without memory is refused by deny, and passes with allow", (given) => {
  const quotas = [{ name: "q", limit: 1, window: "1h" }];
  const passedWith = (failureMode: string): number => {
    const configuration = { ...CONFIGURATION, failureMode, quotas };
    const pages = (given(configuration).plugin.worker().memoryBytes >> 16) + 8;
    const filter = given(configuration, { proxy: new Proxy(), maxMemoryPages: pages });
    const headers = { ":method": "GET", ":path": "/", "x-user-id": "u" };
    let passed = 0;
    const streams = Array.from({ length: 20_000 }, () => {
      const stream = filter.plugin.worker().stream();
      stream.requestHeaders(headers);
      passed += stream.forwarded ? 1 : 0;
      return stream;
    });
    for (const stream of streams) {
      if (stream.forwarded) stream.responseHeaders({ ":status": "200" });
      stream.end();
    }
    filter.tick(2);
    assert.ok(filter.failures("memory") > 0);
    return passed;
  };
  assert.equal(passedWith("deny"), 1);
  assert.ok(passedWith("allow") > 1);
});
