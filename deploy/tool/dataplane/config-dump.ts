import { createHash } from "node:crypto";
import { parseJson } from "../json.ts";

/** Envoy's page with everything it was last sent by ECDS. It shows refused updates too: receiving is not running. */
export const ecdsPath = "/config_dump?resource=ecds_filters";

/** Envoy's page with the listeners that came from istiod, and by name the filters they wait for. */
export const listenersPath = "/config_dump?resource=dynamic_listeners";

/**
 * Envoy's page with the fate of every update by ECDS. Istio's sidecars keep these statistics only where the annotation
 * `sidecar.istio.io/statsInclusionPrefixes` names `extension_config_discovery`.
 */
export const updatesPath = `/stats?filter=${encodeURIComponent("^extension_config_discovery\\.http_filter\\.")}`;

/** Envoy's page with the tag rules it was started with. */
export const bootstrapPath = "/config_dump?mask=bootstrap.stats_config";

/**
 * How Istio has named the ECDS resource of a WasmPlugin over time: 1.22 to 1.25 (misspelt), 1.26 to 1.29, and from 1.30
 * on, where istiod makes a TrafficExtension of it.
 */
export const spellings = [
  { name: "1.22", prefix: "extenstions.istio.io/wasmplugin/", suffix: "" },
  { name: "1.26", prefix: "extensions.istio.io/wasmplugin/", suffix: "" },
  {
    name: "1.30",
    prefix: "extensions.istio.io/trafficextension/",
    suffix: "~istio-translated-wasmplugin",
  },
] as const;

/** Which of `spellings` a proxy got, by the first Istio version that uses it. */
export type Spelling = (typeof spellings)[number]["name"];

/** A Wasm plugin as a proxy was sent it. */
export interface SeenPlugin {
  /** Name of the ECDS resource. */
  readonly resource: string;
  readonly spelling: Spelling;
  /** Namespace and name of the WasmPlugin. */
  readonly namespace: string;
  readonly name: string;
  /** When the proxy was last sent this resource, in ms since 1970; refused updates count. */
  readonly receivedMillis: number;
  readonly rootId: string | undefined;
  /** The file the agent stored the module in, or the URL where Envoy fetches it itself. */
  readonly code: string | undefined;
  /** The bytes of pluginConfig as the filter gets them; empty when there is none. */
  readonly configuration: string;
  readonly env: Readonly<Record<string, string>>;
  /** Envoy's word for failStrategy: `FAIL_CLOSED`, `FAIL_OPEN`, `FAIL_RELOAD`. */
  readonly failurePolicy: string | undefined;
  /** Set when the agent could not fetch the module and put an RBAC filter in its place. */
  readonly fallback?: "deny" | "allow";
}

interface EcdsEntry {
  readonly last_updated?: string;
  readonly ecds_filter?: { readonly name?: string; readonly typed_config?: TypedConfig };
}

interface TypedConfig {
  readonly "@type"?: string;
  readonly rules?: unknown;
  readonly config?: {
    readonly root_id?: string;
    readonly failure_policy?: string;
    readonly configuration?: { readonly value?: unknown };
    readonly vm_config?: {
      readonly code?: {
        readonly local?: { readonly filename?: string };
        readonly remote?: { readonly http_uri?: { readonly uri?: string } };
      };
      readonly environment_variables?: { readonly key_values?: Readonly<Record<string, string>> };
    };
  };
}

/** The WasmPlugins in an answer to `ecdsPath`, in the order of the dump. */
export function readEcds(text: string): SeenPlugin[] {
  const { configs = [] } = parseJson<{ configs?: EcdsEntry[] }>(text);
  return configs.flatMap((entry) => {
    const resource = entry.ecds_filter?.name ?? "";
    const identity = identify(resource);
    return identity === undefined ? [] : [{ ...identity, resource, ...contents(entry) }];
  });
}

/** Which WasmPlugin an ECDS resource stands for, in any spelling; undefined when for none. */
export function identify(resource: string): Pick<SeenPlugin, "spelling" | "namespace" | "name"> | undefined {
  for (const { name: spelling, prefix, suffix } of spellings) {
    if (!resource.startsWith(prefix) || !resource.endsWith(suffix)) continue;
    const key = resource.slice(prefix.length, resource.length - suffix.length);
    const dot = key.indexOf(".");
    if (dot > 0) return { spelling, namespace: key.slice(0, dot), name: key.slice(dot + 1) };
  }
  return undefined;
}

function contents(entry: EcdsEntry): Omit<SeenPlugin, "resource" | "spelling" | "namespace" | "name"> {
  const typed = entry.ecds_filter?.typed_config ?? {};
  const { config } = typed;
  const value = config?.configuration?.value;
  const code = config?.vm_config?.code;
  return {
    receivedMillis: Date.parse(entry.last_updated ?? "1970-01-01T00:00:00Z"),
    rootId: config?.root_id,
    code: code?.local?.filename ?? code?.remote?.http_uri?.uri,
    configuration: typeof value === "string" ? value : "",
    failurePolicy: config?.failure_policy,
    env: config?.vm_config?.environment_variables?.key_values ?? {},
    ...fallbackOf(typed),
  };
}

/** What istio-agent puts in: an RBAC filter without rules lets all pass, one with rules and no policy refuses all. */
function fallbackOf(typed: TypedConfig): { fallback?: "deny" | "allow" } {
  if (!(typed["@type"] ?? "").endsWith("envoy.extensions.filters.http.rbac.v3.RBAC")) return {};
  return { fallback: typed.rules === undefined ? "allow" : "deny" };
}

/** The fate of the updates of one ECDS resource since the proxy started. */
export interface UpdateCounts {
  readonly rejected: number;
  /** When the last one was accepted, in ms since 1970; 0 when none was. */
  readonly acceptedMillis: number;
}

/** Reads an answer to `updatesPath`: counts by name of the ECDS resource, none where the statistics are not kept. */
export function readUpdates(text: string): ReadonlyMap<string, UpdateCounts> {
  const counts = new Map<string, UpdateCounts>();
  for (const line of text.split("\n")) {
    const [, resource, kind, value] =
      /^extension_config_discovery\.http_filter\.(.+)\.(update_rejected|update_time): (\d+)$/.exec(line) ??
      [];
    if (resource === undefined) continue;
    const known = counts.get(resource) ?? { rejected: 0, acceptedMillis: 0 };
    const field = kind === "update_rejected" ? "rejected" : "acceptedMillis";
    counts.set(resource, { ...known, [field]: Number(value) });
  }
  return counts;
}

/** What the listeners of a proxy say about filters that come by ECDS. */
export interface ListenerFacts {
  /** Names of the ECDS resources that listeners really use; what is not among them filters nothing. */
  readonly used: ReadonlySet<string>;
  /** Why Envoy refused the last update of a listener, which goes on as it was. */
  readonly errors: readonly string[];
}

/** Reads an answer to `listenersPath`. A refused listener is in it too: only what is active counts. */
export function readListeners(text: string): ListenerFacts {
  const { configs = [] } = parseJson<{
    configs?: { readonly active_state?: unknown; readonly error_state?: { readonly details?: string } }[];
  }>(text);
  const used = new Set<string>();
  const errors = new Set<string>();
  for (const { active_state: active, error_state: error } of configs) {
    collectReferences(active, used);
    if (error?.details !== undefined) errors.add(error.details);
  }
  return { used, errors: [...errors] };
}

function collectReferences(value: unknown, found: Set<string>): void {
  if (Array.isArray(value)) {
    for (const item of value) collectReferences(item, found);
    return;
  }
  if (typeof value !== "object" || value === null) return;
  if ("config_discovery" in value && "name" in value && typeof value.name === "string") found.add(value.name);
  for (const child of Object.values(value)) collectReferences(child, found);
}

/** What a proxy was started with, for statistics. */
export interface StatsBootstrap {
  /** Whether the fate of updates by ECDS (`updatesPath`) is kept. */
  readonly keepsUpdates: boolean;
  /** Tags that are cut out of names as `<tag>=.=<value>;.;`, ours and those of others. */
  readonly tags: readonly string[];
  /** Prefixes, as `wasmcustom.trading_request_duration_us`, that have buckets of their own. */
  readonly bucketPrefixes: readonly string[];
}

/** Tags and buckets in an answer to `bootstrapPath`. */
export function readStatsBootstrap(text: string): StatsBootstrap {
  interface StatsConfig {
    readonly stats_tags?: readonly { readonly tag_name?: string; readonly regex?: string }[];
    readonly stats_matcher?: {
      readonly inclusion_list?: { readonly patterns?: readonly { readonly prefix?: string }[] };
    };
    readonly histogram_bucket_settings?: readonly { readonly match?: { readonly prefix?: string } }[];
  }
  const { configs = [] } = parseJson<{
    configs?: { readonly bootstrap?: { readonly stats_config?: StatsConfig } }[];
  }>(text);
  const stats = configs.find(({ bootstrap }) => bootstrap !== undefined)?.bootstrap?.stats_config;
  const inclusion = stats?.stats_matcher?.inclusion_list?.patterns;
  return {
    keepsUpdates:
      inclusion === undefined ||
      inclusion.some(
        ({ prefix }) => prefix !== undefined && "extension_config_discovery.".startsWith(prefix),
      ),
    tags: (stats?.stats_tags ?? []).flatMap(({ tag_name: name = "", regex = "" }) =>
      regex.startsWith(`(${name}=\\.=`) ? [name] : [],
    ),
    bucketPrefixes: (stats?.histogram_bucket_settings ?? []).flatMap(({ match }) =>
      match?.prefix === undefined ? [] : [match.prefix],
    ),
  };
}

/** The first 8 hex digits of the SHA-256 of a configuration's bytes, as `tickgate_config_info` shows them. */
export function configHash(configuration: string): string {
  return createHash("sha256").update(configuration).digest("hex").slice(0, 8);
}
