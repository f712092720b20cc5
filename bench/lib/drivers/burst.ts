import type { BurstParameters } from "../../scenarios/burst.ts";
import { bare, filtered, settledMetrics, startFront } from "../k6-front.ts";
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
import { contrast, notSlower, populations, windowedParameters } from "./windows.ts";

/** A calm half and a burst in every window; windows alternate between the listener with the filter and one without. */
export const burst: Scenario = {
  name: "burst",
  question:
    "Ten times the traffic at once and within everyone's allowance: does it pass whole, and as fast as without the filter?",
  defaults: { ratePerSecond: 60, durationSeconds: 60 },
  run,
};

const limitPerSecond = 20;
const factor = 10;
const toleratedMicros = 1000;

async function run(stage: Stage, options: RunOptions): Promise<Findings> {
  const configuration = {
    quotas: [{ name: "per-user", key: ["user"], limit: limitPerSecond, window: "1s", burst: limitPerSecond }],
  };
  const envoy = await startFront(stage, configuration, options);
  const burstPerSecond = factor * options.ratePerSecond;
  const parameters: BurstParameters = {
    ...windowedParameters(options, { filtered: envoy.url(filtered), bare: envoy.url(bare) }),
    burstPerSecond,
    // In a burst each asks for half of what he may have.
    users: Math.ceil((2 * burstPerSecond) / limitPerSecond),
  };
  const k6 = await drive("burst", parameters);
  const through = k6.samples.sentBy(" filtered");
  const metrics = await settledMetrics(envoy, through);
  const inBurst = contrast(k6, "burst filtered", "burst bare");
  const average = (options.ratePerSecond + burstPerSecond) / 2;
  return {
    ...loadOf(k6, options),
    populations: populations(k6, "calm bare", "calm filtered", "burst bare", "burst filtered"),
    comparisons: [contrast(k6, "calm filtered", "calm bare"), inBurst],
    series: [],
    verdicts: [
      ...commonVerdicts(k6, options.ratePerSecond * warmUpSeconds + average * parameters.durationSeconds),
      notSlower(inBurst, toleratedMicros),
      verdict("requests that the filter counted", [metrics.sum("trading_requests_total"), "==", through]),
    ],
  };
}
