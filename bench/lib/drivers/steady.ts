import { deployed, deployedConfig } from "../../../scripts/lib/envoy/deployed.ts";
import { startEnvoy } from "../../../scripts/lib/envoy/run.ts";
import { ensureFilter } from "../../../scripts/lib/filter-build.ts";
import { startTradingService } from "../../../scripts/sample/process.ts";
import { settledMetrics } from "../k6-front.ts";
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
import type { Population } from "../k6-types.ts";
import { verdict } from "../k6-verdicts.ts";

/** The platform's mix through deploy/envoy/envoy.yaml to the sample service. */
export const steady: Scenario = {
  name: "steady",
  question:
    "Does the platform's mix get through the shipped configuration, every request counted for what it is?",
  defaults: { ratePerSecond: 200, durationSeconds: 60 },
  run,
};

async function run(stage: Stage, options: RunOptions): Promise<Findings> {
  await ensureFilter();
  const service = await startTradingService(options.seed);
  stage.own(service.process);
  const config = await deployedConfig(service.port);
  const envoy = stage.own(await startEnvoy({ config, concurrency: options.concurrency }));
  const k6 = await drive("steady", parametersOf(options, { trading: envoy.url(deployed.listener) }));
  const sent = k6.samples.sent();
  const metrics = await settledMetrics(envoy, sent);
  const refused = metrics.sum("trading_requests_total", { result: "quota_denied" });
  const ranAs = (operation: string): NonNullable<Population["ran"]> => ({
    counted: metrics.sum("trading_requests_total", { operation }),
    expected: k6.samples.sentAs(operation, `warm-up ${operation}`),
  });
  return {
    ...loadOf(k6, options),
    populations: populationsOf(k6, (operation) => ({ ran: ranAs(operation) })),
    comparisons: [],
    series: [],
    verdicts: [
      ...commonVerdicts(k6, options.ratePerSecond * (warmUpSeconds + options.durationSeconds)),
      verdict("requests that the filter counted", [metrics.sum("trading_requests_total"), "==", sent]),
      ...k6.samples.populations().map((operation) => {
        const { counted, expected } = ranAs(operation);
        return verdict(`requests that it counted as ${operation}`, [counted, "==", expected]);
      }),
      verdict("429s that the filter counted", [refused, "==", k6.samples.sent("429")]),
      verdict("failures of the filter", [metrics.sum("tickgate_failures_total"), "==", 0]),
    ],
  };
}
