import type { Config } from "../../../scripts/lib/config/types.ts";
import { deployed, pluginConfig, readEnvoyYaml } from "../../../scripts/lib/envoy/deployed.ts";
import { filtered, settledMetrics, startFront } from "../k6-front.ts";
import { MemoryWatch, withSlope } from "../k6-memory.ts";
import {
  commonVerdicts,
  drive,
  loadOf,
  parametersOf,
  populationsOf,
  warmUpSeconds,
  type Findings,
  type RunOptions,
  type Scenario,
} from "../k6-scenario.ts";
import type { Stage } from "../k6-stage.ts";
import { verdict } from "../k6-verdicts.ts";

/**
 * The shipped configuration and an upstream that answers at once: nothing else is there to grow. With room for fewer
 * users: what fills up while it is measured would look like a leak.
 */
export const soak: Scenario = {
  name: "soak",
  question: "Hours of the platform's mix, strangers among it: does Envoy's memory stay level?",
  defaults: { ratePerSecond: 300, durationSeconds: 1800 },
  run,
};

const capacity = 1000;
const mostBytesPerHour = 4 * 2 ** 20;
/** Of a short run: less than this is the allocator's way of taking pages. */
const noiseBytes = 2 * 2 ** 20;
/** The part of a run in which tables and pools fill up. */
const filling = 0.2;

async function run(stage: Stage, options: RunOptions): Promise<Findings> {
  const configuration: Config = { ...(await shippedConfiguration()), store: { capacity } };
  const envoy = await startFront(stage, configuration, options);
  const parameters = parametersOf(options, { filtered: envoy.url(filtered) });
  const watch = new MemoryWatch(envoy);
  const k6 = await drive("soak", parameters);
  const memory = await watch.end();
  const sent = k6.samples.sent();
  const metrics = await settledMetrics(envoy, sent);
  const from = warmUpSeconds + filling * options.durationSeconds;
  const resident = withSlope(memory.resident, from);
  const hours = ((1 - filling) * options.durationSeconds) / 3600;
  return {
    ...loadOf(k6, options),
    populations: populationsOf(k6),
    comparisons: [],
    series: [resident, withSlope(memory.allocated, from)],
    verdicts: [
      ...commonVerdicts(k6, options.ratePerSecond * (warmUpSeconds + options.durationSeconds)),
      verdict("requests that the filter counted", [metrics.sum("trading_requests_total"), "==", sent]),
      verdict("failures of the filter", [metrics.sum("tickgate_failures_total"), "==", 0]),
      verdict(
        `growth by the line through the last ${100 * (1 - filling)}% of resident memory`,
        [(resident.slopePerHour ?? NaN) * hours, "<=", Math.max(noiseBytes, mostBytesPerHour * hours)],
        "bytes",
      ),
    ],
  };
}

async function shippedConfiguration(): Promise<Config> {
  const plugin = pluginConfig(await readEnvoyYaml(deployed.path), deployed.listener);
  const configuration: Config = JSON.parse(plugin.configuration?.value ?? "{}");
  return configuration;
}
