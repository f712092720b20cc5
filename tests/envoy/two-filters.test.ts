import assert from "node:assert/strict";
import { test } from "node:test";
import { bootstrap, httpListener, loopbackCluster, statTag } from "../../scripts/lib/envoy/config.ts";
import { startEnvoy } from "../../scripts/lib/envoy/run.ts";
import type { Listener } from "../../scripts/lib/envoy/types.ts";
import { Gateway, labels, startGateway, tickgate } from "./lib/gateway.ts";
import { rawRequest } from "./lib/raw.ts";
import { startUpstream } from "./lib/upstream.ts";

const strict = {
  operations: [{ name: "place_order", method: "POST" }],
  dimensions: [{ label: "symbol", header: "x-trading-symbol", values: ["BTC-USD"] }],
};
const open = { dimensions: [{ label: "venue", header: "x-execution-venue", case: "upper" }] };

test("two listeners with different configurations share one VM, and nothing else", async (t) => {
  const upstream = await startUpstream(t);
  const config = bootstrap({
    listeners: [listener("trading", strict), listener("open", open)],
    clusters: [loopbackCluster("service", upstream.port)],
    stats: { stats_tags: labels.map(statTag) },
  });
  const envoy = await startEnvoy({ config, concurrency: 2 });
  t.after(() => envoy.stop());
  const gateway = new Gateway(envoy, upstream);
  const headers = [
    ["x-trading-symbol", "DOGE"],
    ["x-execution-venue", "nyse"],
  ] as const;
  for (let i = 0; i < 3; i++) {
    await gateway.send(headers, { method: "POST" });
    await rawRequest(envoy.port("open"), headers);
  }
  const metrics = await gateway.counted(6);
  assert.equal(metrics.samples("trading_requests_total").length, 2);
  const venue = { venue: "NYSE", operation: "none", result: "ok" };
  const symbol = { symbol: "other", operation: "place_order", result: "ok" };
  assert.equal(metrics.value("trading_requests_total", venue), 3);
  assert.equal(metrics.value("trading_requests_total", symbol), 3);
  assert.equal(metrics.samples("tickgate_config_info").length, 2);
  // The base VM, and the one of the main thread and of each worker: none for the second filter.
  assert.equal(await activeVms(gateway), 4);
});

test("two copies in one filter chain count each request twice, each by its own configuration", async (t) => {
  const gateway = await startGateway(t, {
    filters: [
      tickgate({ name: "first", configuration: strict }),
      tickgate({ name: "second", configuration: open }),
    ],
  });
  await gateway.send(
    [
      ["x-trading-symbol", "BTC-USD"],
      ["x-execution-venue", "nyse"],
    ],
    { method: "POST" },
  );
  const metrics = await gateway.counted(2);
  assert.equal(metrics.sum("trading_requests_total", { symbol: "BTC-USD", operation: "place_order" }), 1);
  assert.equal(metrics.sum("trading_requests_total", { venue: "NYSE", operation: "none" }), 1);
});

function listener(name: string, configuration: unknown): Listener {
  return httpListener({
    name,
    target: { cluster: "service" },
    filters: [tickgate({ name, configuration })],
  });
}

async function activeVms(gateway: Gateway): Promise<number | undefined> {
  const stats = await gateway.envoy.admin.stats(String.raw`^wasm\.envoy\.wasm\.runtime\.v8\.active$`);
  return stats.get("wasm.envoy.wasm.runtime.v8.active");
}
