import { setTimeout as delay } from "node:timers/promises";
import type { Config } from "../../../scripts/lib/config/types.ts";
import { deliverByFile, updateFilter, type FileDelivery } from "../../../scripts/lib/envoy/delivery.ts";
import { startEnvoy, type RunningEnvoy } from "../../../scripts/lib/envoy/run.ts";
import { filtered, frontConfig, settledMetrics, startEcho, tickgate } from "../k6-front.ts";
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

/** Updates come as from a control plane, through a file that Envoy watches; every fifth one is refused by the filter. */
export const configUpdate: Scenario = {
  name: "config-update-under-load",
  question: "The configuration changes every second, every fifth time to a wrong one: does any request fail?",
  defaults: { ratePerSecond: 200, durationSeconds: 60 },
  run,
};

const wrongEvery = 5;
const intervalMillis = 1000;

async function run(stage: Stage, options: RunOptions): Promise<Findings> {
  const delivery = await deliverByFile(await stage.directory(), await tickgate(configurationOf(1)));
  const config = frontConfig({
    filter: delivery.filter,
    // It has all labels that come and go.
    configuration: configurationOf(2),
    upstreamPort: await startEcho(stage),
  });
  const { concurrency } = options;
  const envoy = stage.own(await startEnvoy({ config, concurrency, wasmLogLevel: "off" }));
  const over = new AbortController();
  const updating = keepUpdating(envoy, delivery, over.signal);
  // Awaited below; should k6 fail, its error is the one to show.
  updating.catch(() => undefined);
  const parameters = parametersOf(options, { filtered: envoy.url(filtered) });
  const k6 = await drive("config-update-under-load", parameters).finally(() => over.abort());
  const updates = await updating;
  const sent = k6.samples.sent();
  const metrics = await settledMetrics(envoy, sent);
  const leastUpdates = Math.floor(options.durationSeconds / 2);
  return {
    ...loadOf(k6, options),
    populations: populationsOf(k6),
    comparisons: [],
    series: [],
    verdicts: [
      ...commonVerdicts(k6, options.ratePerSecond * (warmUpSeconds + options.durationSeconds)),
      verdict("requests that the filter counted", [metrics.sum("trading_requests_total"), "==", sent]),
      verdict("updates", [updates.right + updates.wrong, ">=", leastUpdates]),
      verdict("right configurations that Envoy took", [updates.accepted, "==", updates.right]),
      verdict("wrong configurations that the filter refused", [updates.rejected, "==", updates.wrong]),
      verdict("failures of the filter", [
        metrics.sum("tickgate_failures_total", { reason: "trap" }),
        "==",
        0,
      ]),
    ],
  };
}

interface Updates {
  right: number;
  wrong: number;
  accepted: number;
  rejected: number;
}

async function keepUpdating(
  envoy: RunningEnvoy,
  delivery: FileDelivery,
  over: AbortSignal,
): Promise<Updates> {
  const updates: Updates = { right: 0, wrong: 0, accepted: 0, rejected: 0 };
  for (let version = 2; !over.aborted; version++) {
    const next = performance.now() + intervalMillis;
    const wrong = version % wrongEvery === 0;
    updates[wrong ? "wrong" : "right"] += 1;
    const filter = await tickgate(wrong ? wrongConfiguration : configurationOf(version));
    updates[await updateFilter(envoy.admin, delivery, filter)] += 1;
    await delay(Math.max(0, next - performance.now()), undefined, { signal: over }).catch(() => undefined);
  }
  return updates;
}

const wrongConfiguration: Config = { quotas: [{ name: "nobody", limit: 0 }] };

/** Every version has another limit, another budget, and labels that come and go. */
function configurationOf(version: number): Config {
  const venue = { label: "venue", header: "x-execution-venue" };
  return {
    dimensions: [{ label: "symbol", header: "x-trading-symbol" }, ...(version % 2 === 0 ? [venue] : [])],
    quotas: [{ name: "per-user", key: ["user"], limit: 1_000_000 + version, window: "1s" }],
    budgets: [{ name: "answer", limit: `${100 + (version % 100)}ms` }],
  };
}
