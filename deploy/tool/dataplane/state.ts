import { parseMetrics } from "../../../scripts/lib/prometheus.ts";
import type { Pod } from "../cluster/pods.ts";
import { PodPageError, type PodAccess } from "./access.ts";
import {
  configHash,
  ecdsPath,
  listenersPath,
  readEcds,
  readListeners,
  readUpdates,
  updatesPath,
  type ListenerFacts,
  type SeenPlugin,
  type UpdateCounts,
} from "./config-dump.ts";

/** What a pod's data plane says about the filter. Nothing here comes from the control plane. */
export interface PodState {
  /** Every Wasm plugin that Istio delivered to this proxy, other teams' included. */
  readonly plugins: readonly SeenPlugin[];
  /** What the agent put in place of one of our plugins because it could not fetch the module. */
  readonly rbacFallback: "deny" | "allow" | undefined;
  /** Of `tickgate_build_info`, as the label spells it: `0_1_0`. Several while an update is under way. */
  readonly versions: readonly string[];
  readonly version: string | undefined;
  /** Of `tickgate_config_info` with the value 1; of several, the one that a listener in use was sent. */
  readonly configHash: string | undefined;
  /** `tickgate_config_ok`; undefined when the filter has never run in this proxy. */
  readonly configOk: boolean | undefined;
  readonly series: number;
  readonly deniedTotal: number;
  readonly violationsTotal: number;
  readonly failuresTotal: number;
  /** The metrics of the filter carry their labels inside their names: the pod was started without the tags. */
  readonly unlabelled: boolean;
  readonly listeners: ListenerFacts;
  /** Fate of the updates by ECDS resource; empty where the proxy keeps no such statistics. */
  readonly updates: ReadonlyMap<string, UpdateCounts>;
  /** Set when the proxy says that it refused the last update of one of our plugins. It does not say why. */
  readonly nack?: string;
}

const noListeners: ListenerFacts = { used: new Set(), errors: [] };
const statsPath = `/stats/prometheus?filter=${encodeURIComponent("^wasmcustom\\.(tickgate|trading)_")}`;

/** Reads a pod. `names` are the WasmPlugins of ours whose fallback counts. A CliError when the pod can't be read. */
export async function readPodState(access: PodAccess, pod: Pod, names: readonly string[]): Promise<PodState> {
  const [plugins, listeners, updates, stats] = await Promise.all([
    orNothing(access.get(pod, "admin", ecdsPath).then(readEcds), []),
    orNothing(access.get(pod, "admin", listenersPath).then(readListeners), noListeners),
    access.get(pod, "admin", updatesPath).then(readUpdates),
    access.get(pod, "admin", statsPath),
  ]);
  const ours = plugins.filter(({ name }) => names.includes(name));
  const metrics = parseMetrics(stats);
  const one = (name: string, label: string): string[] =>
    metrics.samples(name).flatMap(({ labels, value }) => (value === 1 ? [labels[label] ?? ""] : []));
  const versions = one("tickgate_build_info", "version");
  const ok = metrics.value("tickgate_config_ok");
  const refused = ours.find((plugin) => isRefused(plugin, updates.get(plugin.resource)));
  return {
    plugins,
    rbacFallback: ours.find(({ fallback }) => fallback !== undefined)?.fallback,
    versions,
    version: versions.at(-1),
    configHash: runningHash(one("tickgate_config_info", "config"), ours, listeners),
    configOk: ok === undefined ? undefined : ok === 1,
    series: metrics.sum("tickgate_series"),
    deniedTotal: metrics.sum("trading_quota_decisions_total", { decision: "denied" }),
    violationsTotal: metrics.sum("trading_budget_violations_total"),
    failuresTotal: metrics.sum("tickgate_failures_total"),
    unlabelled: metrics.names().some((name) => name.startsWith("tickgate_build_info_")),
    listeners,
    updates,
    ...(refused === undefined
      ? {}
      : { nack: `Envoy rejected the last update of ${refused.namespace}.${refused.name}` }),
  };
}

/** A plugin whose listener still drains shows its hash too. */
function runningHash(
  hashes: readonly string[],
  ours: readonly SeenPlugin[],
  { used }: ListenerFacts,
): string | undefined {
  const sent = ours.filter(({ resource }) => used.has(resource));
  return (
    sent.map(({ configuration }) => configHash(configuration)).find((hash) => hashes.includes(hash)) ??
    hashes.at(-1)
  );
}

// Envoy notes when it receives an update, then when it has accepted it: of a refused one only the first.
function isRefused({ receivedMillis }: SeenPlugin, counts: UpdateCounts | undefined): boolean {
  return counts !== undefined && counts.rejected > 0 && counts.acceptedMillis < receivedMillis;
}

/** Envoy answers 404 for a kind of resource it has none of. */
async function orNothing<T>(page: Promise<T>, nothing: T): Promise<T> {
  try {
    return await page;
  } catch (error) {
    if (error instanceof PodPageError && error.status === 404) return nothing;
    throw error;
  }
}
