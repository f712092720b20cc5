import assert from "node:assert/strict";
import { test } from "node:test";
import type { Metrics } from "../../scripts/lib/prometheus.ts";
import { startDelivered } from "./lib/delivered.ts";
import { flood, type FloodHeaders } from "./lib/flood.ts";

const maxSeries = 300;
const perRound = 8000;
const eager = { maxValues: 1000, newValuesPerMinute: 60_000 };
const dimensions = [
  { label: "symbol", header: "x-trading-symbol", ...eager },
  { label: "order_type", header: "x-order-type", ...eager },
  { label: "strategy_id", header: "x-strategy-id", ...eager },
  { label: "venue", header: "x-execution-venue", ...eager },
];
const budget = { maxSeries, durationLabels: ["operation", "symbol"] };
const quotas = [{ name: "q", key: ["symbol"], limit: 100, window: "1h", mode: "shadow" }];
const configurations = [
  { dimensions, metrics: budget },
  { dimensions, metrics: budget, operations: [{ name: "quote" }], quotas },
  // Other label sets, when all room is taken.
  { dimensions: dimensions.slice(0, 2), metrics: { maxSeries, durationLabels: ["operation", "order_type"] } },
];

/** Every value is new in three requests of four; the fourth repeats some that earn their places. */
function* requests(round: number): Generator<FloodHeaders> {
  for (let i = 0; i < perRound; i++) {
    const id = i % 4 === 3 ? `hot${i % 97}` : `r${round}n${i}`;
    yield {
      "x-trading-symbol": `S${id}`,
      "x-order-type": `T${id}`,
      "x-strategy-id": `A${id}`,
      "x-execution-venue": `V${id}`,
      "x-trading-operation": `O${id}`,
    };
  }
}

/** Distinct series of ours in a scrape; a histogram's buckets, sum and count are one. */
function seriesOf(metrics: Metrics): number {
  const ours = metrics.names().filter((name) => /^(trading|tickgate)_/.test(name));
  const counted = ours.filter((name) => !/_(bucket|sum)$/.test(name));
  return counted.reduce((total, name) => total + metrics.samples(name).length, 0);
}

test("20,000 requests of new values, over two workers and two updates, make no more than maxSeries series", async (t) => {
  const { gateway, update } = await startDelivered(t, {
    configuration: configurations[0],
    workers: 2,
    listener: { target: { directResponse: { status: 200 } } },
  });
  for (const [round, configuration] of configurations.entries()) {
    if (round > 0) assert.equal(await update(configuration), "accepted");
    assert.deepEqual([...(await flood(gateway.port, requests(round)))], [[200, perRound]]);
    const sent = (round + 1) * perRound;
    const metrics = await gateway.scraped(`round ${round} was counted`, (seen) => isCounted(seen, sent));
    const series = seriesOf(metrics);
    assert.ok(series <= maxSeries, `${series} series after round ${round}`);
    const claimed = metrics.value("tickgate_series") ?? Infinity;
    assert.ok(claimed <= maxSeries, `tickgate_series ${claimed} after round ${round}`);
    t.diagnostic(`round ${round}: ${series} series, tickgate_series ${claimed}`);
  }
  assert.deepEqual((await gateway.metrics()).samples("tickgate_failures_total"), []);
});

/** Whether every request is in a series of both metrics. */
function isCounted(metrics: Metrics, sent: number): boolean {
  const counted = metrics.sum("trading_requests_total");
  const timed = metrics.sum("trading_request_duration_us_count");
  assert.ok(counted <= sent && timed <= sent, `${counted} and ${timed} of ${sent}`);
  return counted === sent && timed === sent;
}
