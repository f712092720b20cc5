import assert from "node:assert/strict";
import { test } from "node:test";
import { runScenario } from "../../bench/lib/k6.ts";

// The shortest of the k6 scenarios; `npx tsx bench/k6.ts all` runs them as they are meant.

test("k6 sends the platform's mix, and the filter counts each request for what it is", async (t) => {
  const report = await runScenario("steady", { ratePerSecond: 100, durationSeconds: 3 });
  const failed = report.verdicts.filter(({ passed }) => !passed);
  t.diagnostic(`${report.load.requests} requests, p50 ${report.populations[0]?.latency.p50.toFixed(0)} us`);
  // Not on a busy machine: how long it takes.
  assert.deepEqual(
    failed.filter(({ unit }) => unit !== "us"),
    [],
  );
  assert.ok(report.load.requests >= 297 && report.load.requests <= 303, `${report.load.requests} requests`);
  const names = new Set(report.populations.map(({ name }) => name));
  for (const operation of ["place_order", "cancel_order", "quote", "strategy_signal"])
    assert.ok(names.has(operation), `no ${operation}`);
  assert.ok(report.populations.every(({ ran }) => ran !== undefined && ran.counted === ran.expected));
  assert.equal(report.passed, failed.length === 0);
  assert.match(report.environment.command, /bench\/k6\.ts steady --rate 100 --duration 3s$/);
});
