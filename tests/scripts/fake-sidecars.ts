import { createServer, type Server } from "node:http";
import { isDeepStrictEqual } from "node:util";
import type { Cluster } from "../../deploy/tool/cluster/connect.ts";
import type { WasmPlugin, WasmPluginSpec } from "../../deploy/tool/cluster/plugins.ts";
import { trackLabel, type PodObject } from "../../deploy/tool/cluster/pods.ts";
import { resources } from "../../deploy/tool/cluster/resources.ts";
import { configHash } from "../../deploy/tool/dataplane/config-dump.ts";
import { structJson } from "../../deploy/tool/dataplane/struct-json.ts";
import { sleep } from "../../scripts/lib/process.ts";

/** How a version treats its requests. */
export interface Treatment {
  /** Shares of the requests. */
  readonly errors?: number;
  readonly denials?: number;
  readonly micros?: number;
  /** Every request dies in the filter: Envoy answers 503 and counts it, the filter does not. */
  readonly traps?: boolean;
}

/** What fake sidecars are like. */
export interface SidecarOptions {
  readonly cluster: Cluster;
  /** Names and addresses of the pods; they exist as objects in the cluster. */
  readonly pods: readonly { readonly name: string; readonly address: string }[];
  /** Of the admin interface, on every address. */
  readonly port: number;
  readonly treat: (spec: WasmPluginSpec) => Treatment;
  readonly requestsPerSecond: number;
}

const bucketMicros = [100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000];
const bucketMillis = [0.5, 1, 5, 10, 25, 50, 100];
const pollMillis = 100;

/** Admin interfaces of pods without an Envoy: they show the plugin that their pod's label asks for, and count requests. */
export class FakeSidecars {
  private readonly sidecars: readonly Sidecar[];
  private readonly options: SidecarOptions;
  private readonly stopped = new AbortController();
  private readonly polling: Promise<void>;

  private constructor(options: SidecarOptions, sidecars: readonly Sidecar[]) {
    this.options = options;
    this.sidecars = sidecars;
    this.polling = this.poll();
  }

  static async start(options: SidecarOptions): Promise<FakeSidecars> {
    const sidecars = await Promise.all(
      options.pods.map(async ({ name, address }) => {
        const sidecar = new Sidecar(name, options);
        await sidecar.listen(address, options.port);
        return sidecar;
      }),
    );
    return new FakeSidecars(options, sidecars);
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    await this.polling;
    await Promise.all(this.sidecars.map((sidecar) => sidecar.close()));
  }

  /** Image of the plugin that each pod runs. */
  images(): (string | undefined)[] {
    return this.sidecars.map(({ plugin }) => plugin?.spec.url);
  }

  private async poll(): Promise<void> {
    const { cluster } = this.options;
    const { namespace } = cluster;
    while (!this.stopped.signal.aborted) {
      const [pods, plugins] = await Promise.all([
        cluster.request<{ items: PodObject[] }>({ verb: "list", resource: resources.pods, namespace }),
        cluster.request<{ items: WasmPlugin[] }>({
          verb: "list",
          resource: resources.wasmPlugins,
          namespace,
        }),
      ]);
      for (const sidecar of this.sidecars) {
        const track = pods.items.find(({ metadata }) => metadata.name === sidecar.name)?.metadata.labels?.[
          trackLabel
        ];
        sidecar.give(plugins.items.find(({ spec }) => spec.selector?.matchLabels?.[trackLabel] === track));
      }
      await sleep(pollMillis, this.stopped.signal);
    }
  }
}

class Sidecar {
  readonly name: string;
  plugin: WasmPlugin | undefined;
  private readonly options: SidecarOptions;
  private readonly server: Server;
  private readonly totals = { requests: 0, errors: 0, denied: 0, seen: 0, reloads: 0 };
  private readonly micros = new Map<number, number>();
  private lastMillis = performance.now();

  constructor(name: string, options: SidecarOptions) {
    this.name = name;
    this.options = options;
    this.server = createServer((request, response) => {
      const body = this.page(request.url ?? "");
      response.writeHead(body === undefined ? 404 : 200);
      response.end(body ?? "");
    });
  }

  listen(address: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(port, address, () => resolve());
    });
  }

  close(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => {
      this.server.close(() => resolve());
    });
  }

  give(plugin: WasmPlugin | undefined): void {
    this.count();
    if (!isDeepStrictEqual(plugin?.spec, this.plugin?.spec)) this.plugin = plugin;
  }

  /** Adds the requests since the last time, treated as the plugin does it. */
  private count(): void {
    const now = performance.now();
    const requests = ((now - this.lastMillis) / 1000) * this.options.requestsPerSecond;
    this.lastMillis = now;
    if (this.plugin === undefined) return;
    const { errors = 0, denials = 0, micros = 400, traps = false } = this.options.treat(this.plugin.spec);
    const { totals } = this;
    totals.requests += requests;
    totals.errors += traps ? requests : requests * errors;
    totals.denied += requests * denials;
    totals.reloads += traps ? requests : 0;
    if (traps) return;
    totals.seen += requests;
    this.micros.set(micros, (this.micros.get(micros) ?? 0) + requests);
  }

  private page(url: string): string | undefined {
    if (url.startsWith("/config_dump?resource=ecds_filters"))
      return JSON.stringify({ configs: this.filters() });
    if (url.startsWith("/config_dump?resource=dynamic_listeners"))
      return JSON.stringify({
        configs: [{ active_state: { listener: { name: this.resource(), config_discovery: {} } } }],
      });
    if (url.startsWith("/stats/prometheus")) return this.stats();
    // Like a proxy whose bootstrap leaves out the statistics of updates.
    return url.startsWith("/stats?") ? "" : undefined;
  }

  private resource(): string {
    const { name = "", namespace = "" } = this.plugin?.metadata ?? {};
    return `extensions.istio.io/wasmplugin/${namespace}.${name}`;
  }

  private filters(): unknown[] {
    if (this.plugin === undefined) return [];
    const { url, pluginConfig } = this.plugin.spec;
    const config = {
      root_id: "tickgate",
      configuration: { value: structJson(pluginConfig) },
      vm_config: { code: { local: { filename: storedBy(url) } } },
    };
    const type = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
    return [{ ecds_filter: { name: this.resource(), typed_config: { "@type": type, config } } }];
  }

  private stats(): string {
    this.count();
    const { totals } = this;
    const errors = Math.floor(totals.errors);
    const seen = Math.floor(totals.seen);
    const denied = Math.floor(totals.denied);
    const manager = 'http_conn_manager_prefix="inbound_0.0.0.0_8080"';
    const bad = totals.reloads > 0 ? 0 : errors;
    const hash = configHash(structJson(this.plugin?.spec.pluginConfig));
    return [
      `trading_requests_total{operation="place_order",result="ok"} ${seen - bad - denied}`,
      `trading_requests_total{operation="place_order",result="server_error"} ${bad}`,
      `trading_requests_total{operation="place_order",result="quota_denied"} ${denied}`,
      `trading_quota_decisions_total{quota="orders",decision="denied"} ${denied}`,
      ...histogram("trading_request_duration_us", 'operation="place_order"', bucketMicros, this.micros),
      `envoy_http_downstream_rq{response_code_class="2xx",${manager}} ${Math.floor(totals.requests) - errors}`,
      `envoy_http_downstream_rq{response_code_class="5xx",${manager}} ${errors}`,
      ...histogram("envoy_http_downstream_rq_time", manager, bucketMillis, inMillis(this.micros)),
      `envoy_wasm_trading_${this.plugin?.metadata.name.replaceAll("-", "_")}_vm_reload_backoff{} ${Math.floor(totals.reloads)}`,
      `tickgate_build_info{version="0_1_0"} 1`,
      `tickgate_config_info{config="${hash}"} 1`,
      "tickgate_config_ok{} 1",
      "tickgate_series{} 4",
      "",
    ].join("\n");
  }
}

/** Where the agent puts the module of an image. */
function storedBy(url: string): string {
  return `/var/lib/istio/data/${"0".repeat(64)}/${url.slice(-64)}.wasm`;
}

function inMillis(micros: ReadonlyMap<number, number>): Map<number, number> {
  return new Map([...micros].map(([time, count]) => [time / 1000, count]));
}

function histogram(
  name: string,
  labels: string,
  bounds: readonly number[],
  times: ReadonlyMap<number, number>,
): string[] {
  const upTo = (bound: number): number =>
    Math.floor([...times].reduce((sum, [time, count]) => sum + (time <= bound ? count : 0), 0));
  return [
    ...bounds.map((bound) => `${name}_bucket{${labels},le="${bound}"} ${upTo(bound)}`),
    `${name}_bucket{${labels},le="+Inf"} ${upTo(Infinity)}`,
    `${name}_count{${labels}} ${upTo(Infinity)}`,
  ];
}
