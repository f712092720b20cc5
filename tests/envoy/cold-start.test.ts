import assert from "node:assert/strict";
import { test } from "node:test";
import { CliError } from "../../scripts/lib/cli.ts";
import { startDelivered } from "./lib/delivered.ts";
import { startGateway } from "./lib/gateway.ts";

const good = { dimensions: [{ label: "symbol", header: "x-trading-symbol" }] };
const bad = { metrics: { maxSeries: "many" } };
const pass = { environment: { TICKGATE_COLD_START: "pass" } };
const reason = "configuration refused: metrics.maxSeries: ";

test("an Envoy with a bad configuration in its own file does not start", async (t) => {
  await assert.rejects(startGateway(t, { configuration: bad }), (error: unknown) => {
    assert.ok(error instanceof CliError);
    assert.match(error.message, /Failed to configure base Wasm plugin/);
    assert.ok(error.message.includes(reason), error.message);
    return true;
  });
});

test("a bad first configuration by ECDS: Envoy answers 500 until a good one comes", async (t) => {
  const { gateway, update } = await startDelivered(t, { configuration: bad });
  await gateway.logged(new RegExp(reason));
  assert.equal((await gateway.send()).status, 500);
  assert.equal(await update({ ...bad, mode: "observe" }), "rejected");
  assert.equal((await gateway.send()).status, 500);
  assert.equal(await update(good), "accepted");
  await gateway.send([["x-trading-symbol", "BTC-USD"]]);
  const metrics = await gateway.counted(1);
  assert.equal(metrics.sum("trading_requests_total", { symbol: "BTC-USD" }), 1);
});

test("TICKGATE_COLD_START=pass: traffic passes untouched and uncounted until a good configuration comes, and never again after", async (t) => {
  const { gateway, update } = await startDelivered(t, { configuration: bad, filter: pass, workers: 2 });
  await gateway.logged(new RegExp(reason));
  await gateway.logged(/TICKGATE_COLD_START=pass/);
  for (let i = 0; i < 4; i++) assert.equal((await gateway.send()).status, 200);
  const cold = await gateway.scraped(
    "the failures were told",
    (seen) => seen.sum("tickgate_failures_total") > 0,
  );
  assert.equal(cold.value("tickgate_config_ok"), 0);
  assert.ok(cold.sum("tickgate_failures_total", { reason: "config" }) > 0);
  assert.equal(cold.samples("trading_requests_total").length, 0);
  assert.equal(await update(good), "accepted");
  const warm = await gateway.scraped(
    "the good one was told",
    (seen) => seen.value("tickgate_config_ok") === 1,
  );
  assert.equal(warm.samples("trading_requests_total").length, 0);
  for (let i = 0; i < 4; i++) await gateway.send([["x-trading-symbol", "BTC-USD"]]);
  await gateway.counted(4);
  assert.equal(await update({ ...bad, mode: "observe" }), "rejected");
  await gateway.send([["x-trading-symbol", "BTC-USD"]]);
  const metrics = await gateway.counted(5);
  assert.equal(metrics.value("tickgate_config_ok"), 1);
});
