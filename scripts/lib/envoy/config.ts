import type {
  Address,
  Bootstrap,
  Cluster,
  ConnectionManager,
  Extension,
  HttpFilter,
  Listener,
  StatsConfig,
} from "./types.ts";

const extensions = "type.googleapis.com/envoy.extensions";

/** What `bootstrap` puts together. */
export interface BootstrapOptions {
  readonly listeners: readonly Listener[];
  readonly clusters: readonly Cluster[];
  readonly stats?: StatsConfig;
}

/** A whole configuration: admin on a free loopback port, statistics flushed every second. */
export function bootstrap({ listeners, clusters, stats }: BootstrapOptions): Bootstrap {
  return {
    // Filters delivered from a file are refused to a node without a name.
    node: { id: "tickgate", cluster: "tickgate" },
    admin: { address: loopback(0) },
    stats_flush_interval: "1s",
    ...(stats && { stats_config: stats }),
    static_resources: { listeners: [...listeners], clusters: [...clusters] },
  };
}

/** An address on 127.0.0.1; port 0 lets the system choose. */
export function loopback(port: number): Address {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}

/** Where requests go: all to one cluster, all to one fixed answer, or by Envoy's own route list. */
export type Target =
  | { readonly cluster: string }
  | { readonly directResponse: { readonly status: number; readonly body?: string } }
  | { readonly routes: readonly Record<string, unknown>[] };

/** What `httpListener` puts together; `manager` adds fields to the connection manager. */
export interface HttpListenerOptions {
  readonly name: string;
  readonly target: Target;
  /** Without the router, which is added as the last. */
  readonly filters?: readonly HttpFilter[];
  readonly port?: number;
  readonly accessLog?: readonly Extension[];
  readonly transportSocket?: Extension;
  readonly manager?: Readonly<Record<string, unknown>>;
}

/** A loopback listener with one connection manager; its name is also its stat prefix. */
export function httpListener(options: HttpListenerOptions): Listener {
  const manager: ConnectionManager = {
    "@type": `${extensions}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: options.name,
    ...options.manager,
    ...(options.accessLog && { access_log: [...options.accessLog] }),
    route_config: {
      virtual_hosts: [{ name: "all", domains: ["*"], routes: routesTo(options.target) }],
    },
    http_filters: [...(options.filters ?? []), routerFilter],
  };
  return {
    name: options.name,
    address: loopback(options.port ?? 0),
    filter_chains: [
      {
        filters: [{ name: "http", typed_config: manager }],
        ...(options.transportSocket && { transport_socket: options.transportSocket }),
      },
    ],
  };
}

const routerFilter: HttpFilter = {
  name: "envoy.filters.http.router",
  typed_config: { "@type": `${extensions}.filters.http.router.v3.Router` },
};

function routesTo(target: Target): readonly Record<string, unknown>[] {
  if ("routes" in target) return target.routes;
  const match = { prefix: "/" };
  if ("cluster" in target) return [{ match, route: { cluster: target.cluster, timeout: "15s" } }];
  const { status, body } = target.directResponse;
  return [
    { match, direct_response: { status, ...(body !== undefined && { body: { inline_string: body } }) } },
  ];
}

/** A cluster of one loopback endpoint; `fields` adds to it. */
export function loopbackCluster(
  name: string,
  port: number,
  {
    http2 = false,
    fields = {},
  }: { readonly http2?: boolean; readonly fields?: Readonly<Record<string, unknown>> } = {},
): Cluster {
  return {
    name,
    type: "STATIC",
    connect_timeout: "1s",
    ...(http2 && { typed_extension_protocol_options: http2Upstream }),
    ...fields,
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: loopback(port) } }] }],
    },
  };
}

const http2Upstream = {
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
    "@type": `${extensions}.upstreams.http.v3.HttpProtocolOptions`,
    explicit_http_config: { http2_protocol_options: {} },
  },
};

/** An access log of one line a request (or of one JSON object) to a file, or to Envoy's stdout. */
export function accessLog(format: string | Readonly<Record<string, string>>, path?: string): Extension {
  const log_format =
    typeof format === "string"
      ? { text_format_source: { inline_string: format.endsWith("\n") ? format : `${format}\n` } }
      : { json_format: format };
  if (path === undefined) {
    const type = `${extensions}.access_loggers.stream.v3.StdoutAccessLog`;
    return { name: "envoy.access_loggers.stdout", typed_config: { "@type": type, log_format } };
  }
  const type = `${extensions}.access_loggers.file.v3.FileAccessLog`;
  return { name: "envoy.access_loggers.file", typed_config: { "@type": type, path, log_format } };
}

/** The rule by which Envoy cuts a label out of a stat's name; Istio writes the same for each of extraStatTags. */
export function statTag(label: string): { tag_name: string; regex: string } {
  return { tag_name: label, regex: `(${label}=\\.=(.*?);\\.;)` };
}
