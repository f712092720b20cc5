import type { BudgetParameters } from "../../scenarios/budget-violation.ts";
import { filtered, settledMetrics, startFront } from "../k6-front.ts";
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
import { startLatencyService } from "../latency-service.ts";

/** An upstream that takes too long for every fifth request and keeps its own time. */
export const budgetViolation: Scenario = {
  name: "budget-violation",
  question: "An upstream that is sometimes too slow: is each slow answer flagged, and no other?",
  defaults: { ratePerSecond: 100, durationSeconds: 30 },
  run,
};

const limitMillis = 20;
// A timer of Node may fire up to a millisecond early.
const slowMillis = limitMillis + 2;
const every = 5;

async function run(stage: Stage, options: RunOptions): Promise<Findings> {
  const configuration = { budgets: [{ name: "answer", limit: `${limitMillis}ms`, announce: true }] };
  const service = await startLatencyService();
  stage.own(service.process);
  const { concurrency } = options;
  const envoy = await startFront(stage, configuration, { concurrency, upstreamPort: service.http1Port });
  const parameters: BudgetParameters = {
    ...parametersOf(options, { filtered: envoy.url(filtered) }),
    limitMillis,
    slowMillis,
    every,
  };
  const k6 = await drive("budget-violation", parameters);
  const sent = k6.samples.sent();
  const metrics = await settledMetrics(envoy, sent);
  const visits = await service.takeVisits();
  const broken = visits.filter(
    ({ receivedMicros, answeredMicros = NaN }) => answeredMicros - receivedMicros > limitMillis * 1000,
  ).length;
  const violations = metrics.sum("trading_budget_violations_total");
  const upstreams = metrics.sum("trading_budget_violations_total", { share: "upstream" });
  return {
    ...loadOf(k6, options),
    populations: populationsOf(k6),
    comparisons: [],
    series: [],
    verdicts: [
      ...commonVerdicts(k6, options.ratePerSecond * (warmUpSeconds + options.durationSeconds)),
      verdict("requests that the budget counted", [metrics.sum("trading_budget_requests_total"), "==", sent]),
      verdict("answers too slow by the upstream's own clock", [broken, ">=", Math.floor(sent / every)]),
      verdict("violations that the filter counted", [violations, ">=", broken]),
      verdict("share of violations put down to the upstream", [upstreams / violations, ">=", 0.95]),
    ],
  };
}
