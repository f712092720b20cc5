import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { waitFor } from "../../scripts/lib/process.ts";
import { configLabel, startDelivered, type Delivered } from "./lib/delivered.ts";
import { startUpstream } from "./lib/upstream.ts";

const before = { dimensions: [{ label: "symbol", header: "x-trading-symbol" }] };
const after = { ...before, operations: [{ name: "quote" }] };
const bad = { quotas: [{ name: "q", limit: -5, window: "1s" }] };
const symbol = [["x-trading-symbol", "BTC-USD"]] as const;

/** Waits until the gauges say that this configuration runs, and this one does not. */
function showsRunning({ gateway }: Delivered, running: unknown, gone: unknown) {
  return gateway.scraped("config_info told which configuration runs", (seen) => {
    const is = (configuration: unknown) =>
      seen.value("tickgate_config_info", { config: configLabel(configuration) });
    return is(running) === 1 && is(gone) === 0;
  });
}

async function vms({ gateway }: Delivered): Promise<Map<string, number>> {
  return gateway.envoy.admin.stats(String.raw`^wasm\.envoy\.wasm\.runtime\.v8\.active$`);
}

test("a good configuration takes over, counters go on, and the gauges tell which one runs", async (t) => {
  const delivered = await startDelivered(t, { configuration: before, workers: 2 });
  const { gateway, update } = delivered;
  for (let i = 0; i < 4; i++) await gateway.send(symbol);
  await gateway.counted(4);
  assert.equal(await update(after), "accepted");
  await showsRunning(delivered, after, before);
  for (let i = 0; i < 3; i++) await gateway.send([...symbol, ["x-trading-operation", "quote"]]);
  assert.equal(await update(before), "accepted");
  await showsRunning(delivered, before, after);
  for (let i = 0; i < 2; i++) await gateway.send(symbol);
  const metrics = await gateway.counted(9);
  assert.equal(metrics.value("trading_requests_total", { operation: "none" }), 6);
  assert.equal(metrics.value("trading_requests_total", { operation: "quote" }), 3);
  assert.equal(metrics.value("tickgate_config_ok"), 1);
});

test("what was counted and not yet written is not lost by an update", async (t) => {
  const { gateway, update } = await startDelivered(t, { configuration: before });
  for (let round = 0; round < 6; round++) {
    for (let i = 0; i < 10; i++) await gateway.send(symbol);
    assert.equal(await update(round % 2 === 0 ? after : before), "accepted");
  }
  await gateway.counted(60);
});

test("a refused configuration changes nothing but the counters that say so", async (t) => {
  const { gateway, update } = await startDelivered(t, { configuration: before, workers: 2 });
  await gateway.send(symbol);
  assert.equal(await update(bad), "rejected");
  await gateway.logged(/configuration refused: quotas\[0\]\.limit: -5 is not in 1\.\.1000000000/);
  await gateway.logged(/Unable to create Wasm plugin/);
  for (let i = 0; i < 6; i++) assert.equal((await gateway.send(symbol)).status, 200);
  const metrics = await gateway.counted(7);
  assert.deepEqual(metrics.sumBy("trading_requests_total", "operation"), new Map([["none", 7]]));
  assert.deepEqual(metrics.sumBy("tickgate_failures_total", "reason"), new Map([["config", 1]]));
  assert.deepEqual(metrics.samples("tickgate_config_info"), [
    { labels: { config: configLabel(before) }, value: 1 },
  ]);
  assert.equal(metrics.value("tickgate_config_ok"), 1);
  // The same bytes once more are nothing new to Envoy: it says "success", and changes nothing again.
  await update(bad);
  await gateway.send(symbol);
  await gateway.counted(8);
  assert.equal(await update(after), "accepted");
});

test("a request that is under way ends under the configuration it began with, and only then does that one end", async (t) => {
  const held: ServerResponse[] = [];
  const upstream = await startUpstream(t, (request, response) => {
    if (request.url === "/held") held.push(response);
    else response.end("ok");
  });
  const delivered = await startDelivered(t, { configuration: before, upstream });
  const { gateway, update } = delivered;
  const long = gateway.send(symbol, { path: "/held" });
  await waitFor("the upstream had the long request", () => held[0]);
  const other = { dimensions: [{ label: "venue", header: "x-execution-venue" }] };
  assert.equal(await update(other), "accepted");
  await gateway.send([...symbol, ["x-execution-venue", "NYSE"]]);
  // The worker's root of the old configuration ticks on: it says so after the main thread's has ended.
  await gateway.scraped("both configurations were said to run", (seen) =>
    [before, other].every((one) => seen.value("tickgate_config_info", { config: configLabel(one) }) === 1),
  );
  held[0]?.end("at last");
  assert.equal((await long).body, "at last");
  await showsRunning(delivered, other, before);
  const metrics = await gateway.counted(2);
  const seen = metrics.samples("trading_requests_total").map(({ labels }) => labels);
  assert.deepEqual(
    seen.toSorted((a, b) => Object.keys(a).join().localeCompare(Object.keys(b).join())),
    [
      { symbol: "BTC-USD", operation: "none", result: "ok" },
      { venue: "NYSE", operation: "none", result: "ok" },
    ],
  );
});

test("many updates leave no VM and no series behind but one gauge a configuration", async (t) => {
  const delivered = await startDelivered(t, { configuration: before, workers: 2 });
  const { gateway, update } = delivered;
  await gateway.send(symbol);
  await gateway.counted(1);
  const vmsAtFirst = await vms(delivered);
  for (let round = 0; round < 12; round++)
    assert.equal(await update(round % 2 === 0 ? after : before), "accepted");
  const known = (await showsRunning(delivered, before, after)).value("tickgate_series") ?? NaN;
  const last = (round: number) => ({ ...before, budgets: [], violationLog: { perSecond: round } });
  for (let round = 1; round <= 10; round++) assert.equal(await update(last(round)), "accepted");
  const metrics = await showsRunning(delivered, last(10), before);
  assert.equal(metrics.samples("tickgate_config_info").length, 12);
  assert.equal(metrics.sum("tickgate_config_info"), 1);
  assert.equal(metrics.value("tickgate_series"), known + 10);
  await waitFor("the VMs of the updates were gone", async () => {
    const now = await vms(delivered);
    return JSON.stringify([...now]) === JSON.stringify([...vmsAtFirst]) || undefined;
  });
});
