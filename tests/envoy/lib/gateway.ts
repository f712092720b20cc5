import type { TestContext } from "node:test";
import {
  bootstrap,
  httpListener,
  loopbackCluster,
  statTag,
  type HttpListenerOptions,
} from "../../../scripts/lib/envoy/config.ts";
import { startEnvoy, type EnvoyOptions, type RunningEnvoy } from "../../../scripts/lib/envoy/run.ts";
import type { Cluster, HttpFilter } from "../../../scripts/lib/envoy/types.ts";
import { wasmFilter, type WasmFilterOptions } from "../../../scripts/lib/envoy/wasm.ts";
import { filterModule } from "../../../scripts/lib/paths.ts";
import { waitFor } from "../../../scripts/lib/process.ts";
import type { Metrics } from "../../../scripts/lib/prometheus.ts";
import { rawRequest, type RawHeaders, type RawResponse } from "./raw.ts";
import { startUpstream, type Upstream } from "./upstream.ts";
import { labelsOf } from "../../../scripts/lib/stats-settings.ts";

/** Every label of the contract. */
export const labels = labelsOf({});

/** What a test puts around the filter; all optional. */
export interface GatewayOptions {
  /** The filter's own configuration, or none. */
  readonly configuration?: unknown;
  readonly filter?: Partial<WasmFilterOptions>;
  /** In place of the filter: the whole list without the router. */
  readonly filters?: readonly HttpFilter[];
  /** Filters in front of the filter. */
  readonly before?: readonly HttpFilter[];
  readonly listener?: Partial<HttpListenerOptions>;
  readonly workers?: number;
  readonly upstream?: Upstream;
  readonly upstreamFields?: Readonly<Record<string, unknown>>;
  readonly http2Upstream?: boolean;
  readonly clusters?: readonly Cluster[];
  readonly envoy?: Partial<EnvoyOptions>;
  /** Stat tags beside those of the contract. */
  readonly extraTags?: readonly string[];
  readonly histogramBuckets?: { match: { prefix: string }; buckets: number[] }[];
  /** Further fields of Envoy's bootstrap. */
  readonly bootstrap?: Readonly<Record<string, unknown>>;
}

/** Tickgate in one Envoy with one listener, in front of one upstream. */
export class Gateway {
  readonly envoy: RunningEnvoy;
  readonly upstream: Upstream;

  constructor(envoy: RunningEnvoy, upstream: Upstream) {
    this.envoy = envoy;
    this.upstream = upstream;
  }

  get port(): number {
    return this.envoy.port("trading");
  }

  /** Sends one request on a connection of its own. */
  send(headers: RawHeaders = [], options?: Parameters<typeof rawRequest>[2]): Promise<RawResponse> {
    return rawRequest(this.port, headers, options);
  }

  /** One scrape of what filters count. */
  metrics(): Promise<Metrics> {
    return this.envoy.admin.metrics("^wasmcustom");
  }

  /** Scrapes until `trading_requests_total` has counted this many, and no more. */
  async counted(requests: number): Promise<Metrics> {
    const metrics = await this.scraped(
      `${requests} requests to be counted`,
      (seen) => seen.sum("trading_requests_total") >= requests,
    );
    const seen = metrics.sum("trading_requests_total");
    if (seen !== requests) throw new Error(`${seen} requests were counted, ${requests} were sent`);
    return metrics;
  }

  /** Scrapes until a condition holds. */
  scraped(what: string, holds: (metrics: Metrics) => boolean, timeoutMillis = 10_000): Promise<Metrics> {
    return waitFor(
      what,
      async () => {
        const metrics = await this.metrics();
        return holds(metrics) ? metrics : undefined;
      },
      { child: this.envoy.process, intervalMillis: 50, timeoutMillis },
    );
  }

  /** Waits for a line in Envoy's log. */
  logged(pattern: RegExp): Promise<string> {
    return waitFor(`Envoy logged ${pattern}`, () => this.envoy.logs().find((line) => pattern.test(line)), {
      child: this.envoy.process,
    });
  }
}

/** The filter of this repository, with a configuration. */
export function tickgate(options: Partial<WasmFilterOptions> = {}): HttpFilter {
  return wasmFilter({ module: filterModule, ...options });
}

/** Starts Envoy with the filter in front of an upstream; both end with the test. */
export async function startGateway(t: TestContext, options: GatewayOptions = {}): Promise<Gateway> {
  const upstream = options.upstream ?? (await startUpstream(t));
  const { configuration } = options;
  const filters = options.filters ?? [
    tickgate({ ...(configuration !== undefined && { configuration }), ...options.filter }),
  ];
  const service = loopbackCluster("service", upstream.port, {
    http2: options.http2Upstream ?? false,
    fields: options.upstreamFields ?? {},
  });
  const config = bootstrap({
    listeners: [
      httpListener({
        name: "trading",
        target: { cluster: "service" },
        filters: [...(options.before ?? []), ...filters],
        ...options.listener,
      }),
    ],
    clusters: [service, ...(options.clusters ?? [])],
    stats: {
      stats_tags: [...labels, ...(options.extraTags ?? [])].map(statTag),
      ...(options.histogramBuckets && { histogram_bucket_settings: options.histogramBuckets }),
    },
  });
  const all = { ...config, ...options.bootstrap };
  const envoy = await startEnvoy({ config: all, concurrency: options.workers ?? 1, ...options.envoy });
  t.after(() => envoy.stop());
  return new Gateway(envoy, upstream);
}
