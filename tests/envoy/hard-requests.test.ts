import assert from "node:assert/strict";
import { test } from "node:test";
import { startGateway } from "./lib/gateway.ts";
import type { RawHeaders } from "./lib/raw.ts";

const roomy = {
  listener: {
    manager: { max_request_headers_kb: 96, common_http_protocol_options: { max_headers_count: 300 } },
  },
};

test("a header of 60 KB is cut to its label, wherever it is", async (t) => {
  const gateway = await startGateway(t, roomy);
  const large = `BTC-USD${"x".repeat(60 * 1024)}`;
  assert.equal((await gateway.send([["x-trading-symbol", large]])).status, 200);
  assert.equal(
    (
      await gateway.send([
        ["x-irrelevant", large],
        ["x-trading-symbol", "ETH-USD"],
      ])
    ).status,
    200,
  );
  const metrics = await gateway.counted(2);
  assert.equal(metrics.sum("trading_requests_total", { symbol: large.slice(0, 64) }), 1);
  assert.equal(metrics.sum("trading_requests_total", { symbol: "ETH-USD" }), 1);
  assert.equal(metrics.sum("tickgate_failures_total"), 0);
});

test("requests of more than Envoy's own 60 KB are refused by it and counted as it answers", async (t) => {
  const gateway = await startGateway(t);
  const { status } = await gateway.send([["x-trading-symbol", "s".repeat(61 * 1024)]]);
  assert.equal(status, 431);
  await gateway.send([["x-trading-symbol", "ETH-USD"]]);
  const metrics = await gateway.scraped(
    "the second request to be counted",
    (seen) => seen.sum("trading_requests_total", { symbol: "ETH-USD" }) === 1,
  );
  assert.equal(metrics.sum("tickgate_failures_total"), 0);
});

test("100 headers, and 250, hide none of ours", async (t) => {
  const gateway = await startGateway(t, roomy);
  for (const count of [100, 250]) {
    const many: [string, string][] = Array.from({ length: count }, (_, i) => [`x-filler-${i}`, `value ${i}`]);
    const headers: RawHeaders = [...many, ["x-trading-symbol", `AFTER-${count}`], ["x-order-type", "limit"]];
    assert.equal((await gateway.send(headers)).status, 200);
  }
  const metrics = await gateway.counted(2);
  assert.deepEqual([...metrics.sumBy("trading_requests_total", "symbol").keys()].toSorted(), [
    "AFTER-100",
    "AFTER-250",
  ]);
  assert.equal(metrics.sum("trading_requests_total", { order_type: "limit" }), 2);
});

test("every byte that Envoy lets into a value comes through the filter unharmed and into no label", async (t) => {
  const gateway = await startGateway(t);
  const bytes = Array.from({ length: 256 }, (_, code) => code).filter(
    (code) => code === 9 || (code >= 32 && code !== 127),
  );
  const value = `a${String.fromCharCode(...bytes)}z`;
  const received = gateway.upstream.received;
  assert.equal((await gateway.send([["x-strategy-id", value]])).status, 200);
  assert.equal(received[0]?.headers["x-strategy-id"], value);
  const metrics = await gateway.counted(1);
  const [sample] = metrics.samples("trading_requests_total");
  assert.equal(sample?.labels.strategy_id, value.slice(0, 64).replaceAll(/[^A-Za-z0-9_-]/g, "_"));
});

test("a value with NUL never reaches a label: Envoy refuses the request", async (t) => {
  const gateway = await startGateway(t);
  assert.equal((await gateway.send([["x-trading-symbol", "BTC\0USD"]])).status, 400);
  await gateway.send([["x-trading-symbol", "ETH"]]);
  const metrics = await gateway.scraped(
    "the second request to be counted",
    (seen) => seen.sum("trading_requests_total", { symbol: "ETH" }) === 1,
  );
  assert.ok(
    [...metrics.sumBy("trading_requests_total", "symbol").keys()].every((symbol) => !symbol.includes("BTC")),
  );
});

test("a method and a path of any kind choose no label but `operation`", async (t) => {
  const gateway = await startGateway(t, {
    configuration: { operations: [{ name: "place_order", method: "POST", path: "/api/v1/orders" }] },
  });
  const paths = [
    "/api/v1/orders",
    "/api//v1/./orders?x=1",
    "/%61pi/v1/orders",
    "/api/v1/orders%2f",
    "*",
    "/api/v1/orders/../secret",
  ];
  for (const path of paths) await gateway.send([], { method: "POST", path });
  const metrics = await gateway.scraped(
    "all to be counted",
    (seen) => seen.sum("trading_requests_total") >= 5,
  );
  assert.equal(metrics.sum("trading_requests_total", { operation: "place_order" }), 3);
});
