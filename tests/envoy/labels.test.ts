import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { Agent, request } from "node:http";
import { startGateway, type Gateway } from "./lib/gateway.ts";

const configuration = {
  operations: [{ name: "place_order", method: "POST", path: "/api/v1/orders" }, { name: "quote" }],
  dimensions: [
    { label: "symbol", header: "x-trading-symbol", case: "upper" },
    { label: "order_type", header: "x-order-type", case: "lower", values: ["market", "stop_limit"] },
    { label: "strategy_id", header: "x-strategy-id" },
    { label: "venue", header: "x-execution-venue" },
  ],
};

test("without a configuration the four headers become the four labels, byte for byte as the contract spells them", async (t) => {
  const gateway = await startGateway(t);
  const { status } = await gateway.send([
    ["x-trading-symbol", "BTC-USD"],
    ["x-order-type", "limit"],
    ["x-strategy-id", "momentum_7"],
    ["x-execution-venue", "NASDAQ"],
    ["x-trading-operation", "place_order"],
  ]);
  assert.equal(status, 200);
  const metrics = await gateway.counted(1);
  assert.deepEqual(metrics.samples("trading_requests_total"), [
    {
      labels: {
        symbol: "BTC-USD",
        order_type: "limit",
        strategy_id: "momentum_7",
        venue: "NASDAQ",
        operation: "place_order",
        result: "ok",
      },
      value: 1,
    },
  ]);
  assert.deepEqual(metrics.samples("tickgate_build_info"), [{ labels: { version: "0_1_0" }, value: 1 }]);
  assert.deepEqual(metrics.samples("tickgate_config_ok"), [{ labels: {}, value: 1 }]);
});

test("headers that are missing are `none`, and nothing of ours has another name than the contract gives", async (t) => {
  const gateway = await startGateway(t, { configuration });
  await gateway.send();
  const metrics = await gateway.counted(1);
  assert.deepEqual(metrics.samples("trading_requests_total"), [
    {
      labels: {
        symbol: "none",
        order_type: "none",
        strategy_id: "none",
        venue: "none",
        operation: "other",
        result: "ok",
      },
      value: 1,
    },
  ]);
  const ours =
    /^(trading_requests_total|trading_request_duration_us_(bucket|sum|count)|tickgate_(build_info|config_info|config_ok|series))$/;
  await gateway.scraped(
    "the histogram's flush",
    (seen) => seen.sum("trading_request_duration_us_count") === 1,
  );
  assert.deepEqual(
    (await gateway.metrics()).names().filter((name) => !ours.test(name)),
    [],
  );
});

test("the configuration that runs is told by the hash of its bytes", async (t) => {
  const text = JSON.stringify(configuration);
  const gateway = await startGateway(t, { configuration: text });
  const config = createHash("sha256").update(text).digest("hex").slice(0, 8);
  assert.deepEqual((await gateway.metrics()).samples("tickgate_config_info"), [
    { labels: { config }, value: 1 },
  ]);
});

test("durations are a histogram by operation, in microseconds, after the flush of one second", async (t) => {
  const prefix = "wasmcustom.trading_request_duration_us";
  const gateway = await startGateway(t, {
    configuration,
    histogramBuckets: [{ match: { prefix }, buckets: [50, 1_000_000, 10_000_000] }],
  });
  await gateway.send([["x-trading-operation", "quote"]]);
  await gateway.send([], { method: "POST", path: "/api/v1/orders" });
  const metrics = await gateway.scraped(
    "the histograms' flush",
    (seen) => seen.sum("trading_request_duration_us_count") === 2,
  );
  for (const operation of ["quote", "place_order"]) {
    const { buckets, count, sum } = metrics.histogram("trading_request_duration_us", { operation });
    assert.deepEqual(
      buckets.map(({ le }) => le),
      [50, 1_000_000, 10_000_000, Infinity],
    );
    assert.equal(count, 1);
    assert.ok(sum > 50 && sum < 1_000_000, `${sum} us`);
  }
  const labels = metrics.samples("trading_request_duration_us_count").map((one) => Object.keys(one.labels));
  assert.deepEqual(labels, [["operation"], ["operation"]]);
});

const spellings = [
  { name: "the grammar of stat names", sent: "a;.;symbol=.=b;.;c", seen: "A___SYMBOL___B___C" },
  { name: "dots, quotes, a backslash", sent: String.raw`1.2"'\3`, seen: "1_2___3" },
  {
    name: "what Istio's rules would cut",
    sent: "cache.x_component.y_tag.z;.",
    seen: "CACHE_X_COMPONENT_Y_TAG_Z__",
  },
  { name: "braces, a comma, a space", sent: '{le="1"} 2,3', seen: "_LE__1___2_3" },
  { name: "bytes 0x80-0xFF", sent: "\x80é\xff", seen: "___" },
  { name: "UTF-8", sent: "\xe2\x82\xac", seen: "___" },
  { name: "64 bytes", sent: "s".repeat(64), seen: "S".repeat(64) },
  { name: "65 bytes", sent: "l".repeat(65), seen: "L".repeat(64) },
];

test("values are spelled safely", async (t) => {
  const gateway = await startGateway(t, { configuration });
  for (const { sent } of spellings)
    assert.equal((await gateway.send([["X-Trading-Symbol", sent]])).status, 200);
  const metrics = await gateway.counted(spellings.length);
  const seen = metrics.sumBy("trading_requests_total", "symbol");
  const wanted = new Map<string, number>();
  for (const spelling of spellings) wanted.set(spelling.seen, (wanted.get(spelling.seen) ?? 0) + 1);
  assert.deepEqual(seen, wanted);
  for (const { labels } of metrics.samples("trading_requests_total")) {
    assert.deepEqual(Object.keys(labels).toSorted(), [
      "operation",
      "order_type",
      "result",
      "strategy_id",
      "symbol",
      "venue",
    ]);
  }
});

const duplicates: [string, [string, string][]][] = [
  [
    "equal copies",
    [
      ["x-trading-symbol", "ETH"],
      ["x-trading-symbol", "ETH"],
    ],
  ],
  [
    "different copies",
    [
      ["x-trading-symbol", "ETH"],
      ["x-trading-symbol", "BTC"],
    ],
  ],
  [
    "both cases of the name",
    [
      ["X-Trading-Symbol", "ETH"],
      ["x-trading-symbol", "BTC"],
    ],
  ],
  [
    "an empty copy",
    [
      ["x-trading-symbol", ""],
      ["X-TRADING-SYMBOL", "BTC"],
    ],
  ],
];

test("two copies of a header, in any case of its name, are `other`; an empty one is `none`", async (t) => {
  const gateway = await startGateway(t, { configuration });
  for (const [, headers] of duplicates) await gateway.send(headers);
  await gateway.send([["x-trading-symbol", ""]]);
  await gateway.send([["x-order-type", "iceberg"]]);
  const metrics = await gateway.counted(duplicates.length + 2);
  assert.deepEqual(
    [...metrics.sumBy("trading_requests_total", "symbol")],
    [
      ["other", duplicates.length],
      ["none", 2],
    ],
  );
  assert.equal(metrics.sum("trading_requests_total", { order_type: "other" }), 1);
});

test("two workers write the same counters", async (t) => {
  const gateway = await startGateway(t, { configuration, workers: 2 });
  const each = await sendOverWorkers(gateway);
  assert.ok(
    each.length === 2 && each.every((connections) => connections > 0),
    `connections: ${each.join(", ")}`,
  );
  const metrics = await gateway.counted(40);
  const [only, ...others] = metrics.samples("trading_requests_total");
  assert.equal(others.length, 0);
  assert.equal(only?.value, 40);
  assert.equal(only?.labels.symbol, "SOL");
});

/** Sends 40 requests on as many connections and says how many each worker has taken. */
async function sendOverWorkers(gateway: Gateway): Promise<number[]> {
  const agent = new Agent({ keepAlive: false });
  await Promise.all(
    Array.from(
      { length: 40 },
      () =>
        new Promise<void>((resolve, reject) => {
          request({ port: gateway.port, agent, headers: { "x-trading-symbol": "SOL" } }, (response) => {
            response.resume().once("end", resolve);
          })
            .once("error", reject)
            .end();
        }),
    ),
  );
  const stats = await gateway.envoy.admin.stats(String.raw`^listener\..*worker_\d\.downstream_cx_total$`);
  return [...stats.values()];
}
