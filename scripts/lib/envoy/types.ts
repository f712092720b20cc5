// The parts of Envoy's configuration (v3 API, JSON form) that Tickgate writes or changes. Envoy checks the rest.

/** An extension's configuration: the type's URL and its fields. */
export interface TypedConfig {
  readonly "@type": string;
  [field: string]: unknown;
}

/** A named extension. */
export interface Extension {
  readonly name: string;
  typed_config: TypedConfig;
}

/** An HTTP filter, given inline or fetched by name. */
export interface HttpFilter {
  readonly name: string;
  typed_config?: TypedConfig;
  config_discovery?: Record<string, unknown>;
}

/** `config` of a Wasm filter (envoy.extensions.wasm.v3.PluginConfig). */
export interface PluginConfig {
  name?: string;
  root_id?: string;
  failure_policy?: FailurePolicy;
  configuration?: { "@type": string; value: string };
  vm_config: {
    runtime: string;
    vm_id?: string;
    code: { local: { filename: string } };
    environment_variables?: { host_env_keys?: string[]; key_values?: Record<string, string> };
    [field: string]: unknown;
  };
  [field: string]: unknown;
}

/** What Envoy does for requests when the filter's VM has trapped. */
export type FailurePolicy = "FAIL_RELOAD" | "FAIL_CLOSED" | "FAIL_OPEN";

export interface WasmTypedConfig extends TypedConfig {
  config: PluginConfig;
}

export interface Address {
  socket_address: { address: string; port_value: number };
}

export interface ConnectionManager extends TypedConfig {
  stat_prefix: string;
  http_filters: HttpFilter[];
  route_config: Record<string, unknown>;
  access_log?: Extension[];
}

export interface Listener {
  readonly name: string;
  address: Address;
  filter_chains: {
    filters: { readonly name: string; typed_config: ConnectionManager }[];
    transport_socket?: Extension;
  }[];
}

export interface Cluster {
  readonly name: string;
  load_assignment: {
    cluster_name: string;
    endpoints: { lb_endpoints: { endpoint: { address: Address } }[] }[];
  };
  [field: string]: unknown;
}

export interface StatsConfig {
  stats_tags?: { tag_name: string; regex: string }[];
  histogram_bucket_settings?: { match: { prefix: string }; buckets: number[] }[];
}

export interface Bootstrap {
  node?: { id: string; cluster: string };
  admin: { address: Address };
  stats_flush_interval?: string;
  stats_config?: StatsConfig;
  static_resources: { listeners: Listener[]; clusters: Cluster[] };
  [field: string]: unknown;
}
