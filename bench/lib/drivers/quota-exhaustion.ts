import type { QuotaExhaustionParameters } from "../../scenarios/quota-exhaustion.ts";
import { filtered, settledMetrics, startFront } from "../k6-front.ts";
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

/** Others at a fifth of their limit each, one at ten times his, in every second window. */
export const quotaExhaustion: Scenario = {
  name: "quota-exhaustion",
  question: "One user asks for ten times what he may have: do the others notice?",
  defaults: { ratePerSecond: 200, durationSeconds: 60 },
  run,
};

const limitPerSecond = 20;
const greed = 10;
const toleratedMicros = 1000;

async function run(stage: Stage, options: RunOptions): Promise<Findings> {
  const configuration = {
    quotas: [{ name: "per-user", key: ["user"], limit: limitPerSecond, window: "1s", burst: limitPerSecond }],
  };
  const envoy = await startFront(stage, configuration, options);
  const parameters: QuotaExhaustionParameters = {
    ...windowedParameters(options, { filtered: envoy.url(filtered) }),
    others: Math.max(1, Math.ceil(options.ratePerSecond / (limitPerSecond / 5))),
    greedyPerSecond: greed * limitPerSecond,
  };
  const k6 = await drive("quota-exhaustion", parameters);
  const { samples } = k6;
  const metrics = await settledMetrics(envoy, samples.sent());
  const comparison = contrast(k6, "others with him", "others without him");
  const greedy = samples.population("the greedy one").statuses;
  // His first request is sent when the warm-up is over, his last when the run is: never more time than that.
  const bound = limitPerSecond * (1 + parameters.durationSeconds + drainSeconds);
  const decided = (decision: string): number =>
    metrics.sum("trading_quota_decisions_total", { quota: "per-user", decision });
  return {
    ...loadOf(k6, options),
    populations: populations(k6, "others without him", "others with him", "the greedy one"),
    comparisons: [comparison],
    series: [],
    verdicts: [
      ...commonVerdicts(
        k6,
        always(options.ratePerSecond, parameters) + halfTheTime(parameters.greedyPerSecond, parameters),
      ),
      notSlower(comparison, toleratedMicros),
      verdict("what the greedy one got, at most", [greedy.get("200") ?? 0, "<=", bound]),
      // He asks in half of the time, and then without a pause.
      verdict("what the greedy one got, at least", [
        greedy.get("200") ?? 0,
        ">=",
        0.9 * limitPerSecond * (parameters.durationSeconds / 2),
      ]),
      verdict("quota decisions: allowed", [decided("allowed"), "==", samples.sent("200")]),
      verdict("quota decisions: denied", [decided("denied"), "==", samples.sent("429")]),
    ],
  };
}

const drainSeconds = warmUpSeconds;
