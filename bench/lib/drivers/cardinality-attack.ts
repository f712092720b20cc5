import type { CardinalityParameters } from "../../scenarios/cardinality-attack.ts";
import { symbols } from "../../../scripts/sample/instruments.ts";
import { filtered, settledMetrics, startFront } from "../k6-front.ts";
import { growth, MemoryWatch } from "../k6-memory.ts";
import {
  commonVerdicts,
  drive,
  loadOf,
  warmUpSeconds,
  type Findings,
  type RunOptions,
  type Scenario,
} from "../k6-scenario.ts";
import type { Stage } from "../k6-stage.ts";
import { verdict } from "../k6-verdicts.ts";
import { always, contrast, halfTheTime, notSlower, populations, windowedParameters } from "./windows.ts";

/** Honest traffic all the time, five times as much junk in every second window. */
export const cardinalityAttack: Scenario = {
  name: "cardinality-attack",
  question:
    "Random symbols, strategies, venues and users, each seen once: do series, memory and everyone else's latency stay bounded?",
  defaults: { ratePerSecond: 100, durationSeconds: 60 },
  run,
};

const maxSeries = 1000;
const storeCapacity = 2000;
const strength = 5;
const toleratedMicros = 1000;
const mostGrowthBytes = 16 * 2 ** 20;

async function run(stage: Stage, options: RunOptions): Promise<Findings> {
  const configuration = {
    dimensions: [
      { label: "symbol", header: "x-trading-symbol", values: symbols },
      { label: "order_type", header: "x-order-type", maxValues: 10 },
      { label: "strategy_id", header: "x-strategy-id", maxValues: 20 },
      { label: "venue", header: "x-execution-venue", maxValues: 20 },
    ],
    metrics: { maxSeries },
    store: { capacity: storeCapacity },
    quotas: [{ name: "per-user", key: ["user"], limit: 100, window: "1s" }],
  };
  const envoy = await startFront(stage, configuration, options);
  const parameters: CardinalityParameters = {
    ...windowedParameters(options, { filtered: envoy.url(filtered) }),
    attackPerSecond: strength * options.ratePerSecond,
  };
  const watch = new MemoryWatch(envoy);
  const k6 = await drive("cardinality-attack", parameters);
  const memory = await watch.end();
  const { samples } = k6;
  const metrics = await settledMetrics(envoy, samples.sent());
  const counted = metrics.samples("trading_requests_total");
  const byOwnName = symbols.reduce(
    (sum, symbol) => sum + metrics.sum("trading_requests_total", { symbol }),
    0,
  );
  const comparison = contrast(k6, "honest under attack", "honest in peace");
  const attacks = samples.population("attack").micros.length;
  return {
    ...loadOf(k6, options),
    populations: populations(k6, "honest in peace", "honest under attack", "attack"),
    comparisons: [comparison],
    series: [memory.resident, memory.allocated],
    verdicts: [
      ...commonVerdicts(
        k6,
        always(options.ratePerSecond, parameters) + halfTheTime(parameters.attackPerSecond, parameters),
      ),
      verdict("requests that the filter counted", [
        metrics.sum("trading_requests_total"),
        "==",
        samples.sent(),
      ]),
      verdict("honest requests under their symbol's name", [byOwnName, "==", samples.sent() - attacks]),
      verdict("series that the filter has made", [metrics.sum("tickgate_series"), "<=", maxSeries]),
      verdict("series of trading_requests_total", [counted.length, "<=", maxSeries]),
      verdict("attempts beyond a cap", [metrics.sum("tickgate_series_overflow_total"), ">", 0]),
      // Beside the series and the store, both bounded, nothing may grow with what attackers invent.
      verdict(
        "growth of resident memory after the warm-up",
        [growth(memory.resident, warmUpSeconds), "<=", mostGrowthBytes],
        "bytes",
      ),
      notSlower(comparison, toleratedMicros),
    ],
  };
}
