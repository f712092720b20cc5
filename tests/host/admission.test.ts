import assert from "node:assert/strict";
import { releaseTest, test } from "./lib/cases.ts";
import type { Filter } from "./lib/filter.ts";
import { seeded, zipf } from "./lib/random.ts";
import { pseudoHeaders } from "./lib/traffic.ts";

const SYMBOL = "x-trading-symbol";
const REAL = 200;

const CONFIGURATION = {
  dimensions: [{ label: "symbol", header: SYMBOL, maxValues: REAL, newValuesPerMinute: 6000 }],
};

interface Flood {
  readonly garbage: number;
  /** Real requests for each garbage one. */
  readonly share: number;
  readonly requestsPerTick: number;
}

/** Sends garbage with real symbols in between. Returns how many real requests there were. */
function flood(filter: Filter, { garbage, share, requestsPerTick }: Flood): number {
  const random = seeded(42);
  const draw = zipf(REAL, random);
  const worker = filter.plugin.worker();
  const pseudo = pseudoHeaders("POST", "/orders");
  let real = 0;
  let sent = 0;
  const send = (symbol: string): void => {
    worker.request({ headers: [...pseudo, [SYMBOL, symbol]] });
    if (++sent % requestsPerTick === 0) filter.tick();
  };
  for (let i = 0; i < garbage; i++) {
    send(`garbage-${i}`);
    if (random() >= share) continue;
    real++;
    send(`REAL-${draw()}`);
  }
  filter.tick();
  return real;
}

function labelled(filter: Filter): number {
  const series = filter.proxy.stats.series("trading_requests_total");
  return series
    .filter((one) => one.labels["symbol"]?.startsWith("REAL-"))
    .reduce((sum, one) => sum + one.value, 0);
}

releaseTest("a million garbage values do not take the labels of 200 real symbols", (given) => {
  const filter = given(CONFIGURATION);
  flood(filter, { garbage: 20_000, share: 0.25, requestsPerTick: 5000 });
  const { memoryBytes } = filter.plugin.worker();
  const before = labelled(filter);
  const real = flood(filter, { garbage: 1_000_000, share: 0.25, requestsPerTick: 5000 });
  const kept = (labelled(filter) - before) / real;
  assert.ok(kept >= 0.99, `${(kept * 100).toFixed(2)} % of real requests kept their label`);
  assert.equal(filter.plugin.worker().memoryBytes, memoryBytes);
  assert.ok(filter.valuesOf("symbol").size <= REAL + 2);
});

test("real symbols find places in the middle of a flood", (given) => {
  const filter = given(CONFIGURATION);
  const real = flood(filter, { garbage: 20_000, share: 0.25, requestsPerTick: 1000 });
  const kept = labelled(filter) / real;
  assert.ok(kept >= 0.9, `${(kept * 100).toFixed(2)} % kept their label from a cold start`);
});

test("without a flood every real symbol gets its place", (given) => {
  const filter = given(CONFIGURATION);
  for (let round = 0; round < 10; round++) {
    for (let i = 0; i < REAL; i++) filter.send({ headers: { [SYMBOL]: `REAL-${i}` } });
  }
  filter.tick();
  assert.equal(filter.valuesOf("symbol").size, REAL + 1);
});

releaseTest("a million distinct values in every label at once leave the memory as it was", (given) => {
  const filter = given();
  const worker = filter.plugin.worker();
  const pseudo = pseudoHeaders("POST", "/orders");
  const names = [SYMBOL, "x-order-type", "x-strategy-id", "x-execution-venue", "x-trading-operation"];
  const send = (i: number): void => {
    worker.request({ headers: [...pseudo, ...names.map((name): [string, string] => [name, `v${i}`])] });
    if (i % 5000 === 0) filter.tick();
  };
  for (let i = 0; i < 20_000; i++) send(i);
  const { memoryBytes } = worker;
  for (let i = 20_000; i < 1_020_000; i++) send(i);
  filter.tick();
  assert.equal(worker.memoryBytes, memoryBytes);
  assert.equal(filter.requests(), 1_020_000);
});
