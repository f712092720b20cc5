import { bootstrap, httpListener, loopbackCluster, statTag } from "../../scripts/lib/envoy/config.ts";
import { startEnvoy, type RunningEnvoy } from "../../scripts/lib/envoy/run.ts";
import type { Bootstrap, HttpFilter } from "../../scripts/lib/envoy/types.ts";
import { wasmFilter } from "../../scripts/lib/envoy/wasm.ts";
import type { Config } from "../../scripts/lib/config/types.ts";
import { ensureFilter } from "../../scripts/lib/filter-build.ts";
import { waitFor } from "../../scripts/lib/process.ts";
import type { Metrics } from "../../scripts/lib/prometheus.ts";
import { bucketsMicros, histogramNames, labelsOf } from "../../scripts/lib/stats-settings.ts";
import { pin } from "../harness/machine.ts";
import type { Stage } from "./k6-stage.ts";

/** Name of the listener that carries the filter. */
export const filtered = "filtered";

/** Name of a listener without the filter, in the same Envoy, in front of the same upstream. */
export const bare = "bare";

/**
 * The loopback port of an upstream that says 200 at once: an Envoy of its own, so that it takes the same time for all;
 * with `core`, held to that CPU.
 */
export async function startEcho(stage: Stage, core?: number): Promise<number> {
  const listener = httpListener({ name: "echo", target: { directResponse: { status: 200, body: "ok" } } });
  const config = bootstrap({ listeners: [listener], clusters: [] });
  const envoy = stage.own(await startEnvoy({ config, concurrency: 1 }));
  if (core !== undefined) await pin(envoy.process.pid, core);
  return envoy.port("echo");
}

/** The filter with this configuration. */
export async function tickgate(configuration: Config): Promise<HttpFilter> {
  return wasmFilter({ module: await ensureFilter(), configuration });
}

/** What `frontConfig` puts together. */
export interface FrontOptions {
  readonly filter: HttpFilter;
  /** Names the labels of the metrics. */
  readonly configuration: Config;
  readonly upstreamPort: number;
}

/** Envoy with two listeners to one upstream, `filtered` and `bare`. */
export function frontConfig({ filter, configuration, upstreamPort }: FrontOptions): Bootstrap {
  const target = { cluster: "service" };
  return bootstrap({
    listeners: [
      httpListener({ name: filtered, target, filters: [filter] }),
      httpListener({ name: bare, target }),
    ],
    clusters: [loopbackCluster("service", upstreamPort, { fields: { circuit_breakers: roomy } })],
    stats: {
      stats_tags: labelsOf(configuration).map(statTag),
      histogram_bucket_settings: histogramNames.map((prefix) => ({
        match: { prefix },
        buckets: bucketsMicros,
      })),
    },
  });
}

// Envoy's own bound of 1024 pending requests is not what is measured.
const roomy = {
  thresholds: [{ max_connections: 100_000, max_pending_requests: 100_000, max_requests: 100_000 }],
};

/** Starts Envoy with the filter so configured, in front of `upstreamPort` or of an upstream that answers at once. */
export async function startFront(
  stage: Stage,
  configuration: Config,
  { concurrency, upstreamPort }: { readonly concurrency: number; readonly upstreamPort?: number },
): Promise<RunningEnvoy> {
  const config = frontConfig({
    filter: await tickgate(configuration),
    configuration,
    upstreamPort: upstreamPort ?? (await startEcho(stage)),
  });
  return stage.own(await startEnvoy({ config, concurrency }));
}

/**
 * The filter's metrics as soon as they count at least `requests`, which takes up to the period at which counters are
 * published; after a few seconds as they are, for the caller to judge.
 */
export async function settledMetrics({ admin }: RunningEnvoy, requests: number): Promise<Metrics> {
  const scrape = (): Promise<Metrics> => admin.metrics("wasmcustom");
  const deadline = performance.now() + settleMillis;
  return waitFor(
    "the filter's metrics",
    async () => {
      const metrics = await scrape();
      if (performance.now() > deadline) return metrics;
      // The scrape that saw the last counter may have fallen between two of one flush: the next one holds them all.
      return metrics.sum("trading_requests_total") >= requests ? scrape() : undefined;
    },
    { intervalMillis: 100 },
  );
}

const settleMillis = 5000;
