import type { Labels, Metrics } from "../../../scripts/lib/prometheus.ts";
import {
  addDistributions,
  distributionOf,
  distributionSince,
  emptyDistribution,
  type Distribution,
} from "./distribution.ts";

/** What one proxy, or several together, have counted. Plain JSON, so that it can be kept in an annotation. */
export interface Counts {
  /** `trading_requests_total`: what the filter has seen to its end. */
  readonly requests: number;
  /** Those with result `server_error` or `failed`. */
  readonly errors: number;
  /** `trading_quota_decisions_total{decision="denied"}` by quota. */
  readonly denied: Readonly<Record<string, number>>;
  /** `tickgate_failures_total` by reason. */
  readonly failures: Readonly<Record<string, number>>;
  /** `trading_request_duration_us`. */
  readonly durationMicros: Distribution;
  /** New VMs that Envoy made, or failed or waited to make, after a trap. */
  readonly vmReloads: number;
  /** What Envoy counts itself for requests that come in; absent where its statistics leave that out. */
  readonly proxy?: ProxyCounts;
}

/** Envoy's own view, which a filter that died has no part in. */
export interface ProxyCounts {
  readonly requests: number;
  /** Answered 5xx, whoever wrote the answer, or refused by an RBAC filter. */
  readonly errors: number;
  readonly durationMillis: Distribution;
}

/** Nothing counted. */
export const noCounts: Counts = {
  requests: 0,
  errors: 0,
  denied: {},
  failures: {},
  durationMicros: emptyDistribution,
  vmReloads: 0,
};

/** Envoy's view of a pod that nothing has reached: Istio's series begin with the first request. */
export const noProxyCounts: ProxyCounts = { requests: 0, errors: 0, durationMillis: emptyDistribution };

/** Reads the counts of one proxy out of its scrape; traps are those of plugins whose name holds `plugin`. */
export function countsOf(metrics: Metrics, plugin: string): Counts {
  const proxy = proxyCounts(metrics);
  return {
    requests: metrics.sum("trading_requests_total"),
    errors: ["server_error", "failed"].reduce(
      (sum, result) => sum + metrics.sum("trading_requests_total", { result }),
      0,
    ),
    denied: byLabel(metrics, "trading_quota_decisions_total", "quota", { decision: "denied" }),
    failures: byLabel(metrics, "tickgate_failures_total", "reason"),
    durationMicros: distributionOf(metrics.histogram("trading_request_duration_us")),
    vmReloads: metrics
      .names()
      .filter((name) => reloadName.exec(name)?.[1]?.includes(sanitised(plugin)))
      .reduce((sum, name) => sum + metrics.sum(name), 0),
    ...(proxy === undefined ? {} : { proxy }),
  };
}

/** Envoy names them `wasm.<plugin>.vm_reload_{success,failure,backoff}`; the plugin of Istio is `<namespace>.<name>...`. */
const reloadName = /^envoy_wasm_(.*)_vm_reload_(?:success|failure|backoff)$/;

function sanitised(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9_]/g, "_");
}

/** What was counted after `before` by the same proxy; all of `after` when it has started anew in between. */
export function countsSince(before: Counts, after: Counts): Counts {
  const restarted =
    after.requests < before.requests || (after.proxy?.requests ?? 0) < (before.proxy?.requests ?? 0);
  const from = restarted ? noCounts : before;
  const proxy = after.proxy && proxySince(from.proxy, after.proxy);
  return {
    requests: after.requests - from.requests,
    errors: less(after.errors, from.errors),
    denied: lessEach(after.denied, from.denied),
    failures: lessEach(after.failures, from.failures),
    durationMicros: distributionSince(from.durationMicros, after.durationMicros),
    vmReloads: less(after.vmReloads, from.vmReloads),
    ...(proxy === undefined ? {} : { proxy }),
  };
}

/** Of several proxies together. One without Envoy's own view has seen no request, as long as any other has that view. */
export function sumCounts(all: readonly Counts[]): Counts {
  const [first, ...others] = all;
  return first === undefined ? noCounts : others.reduce(addCounts, first);
}

/** Sum of the values of a record. */
export function totalOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

function addCounts(a: Counts, b: Counts): Counts {
  return {
    requests: a.requests + b.requests,
    errors: a.errors + b.errors,
    denied: addEach(a.denied, b.denied),
    failures: addEach(a.failures, b.failures),
    durationMicros: addDistributions(a.durationMicros, b.durationMicros),
    vmReloads: a.vmReloads + b.vmReloads,
    ...(a.proxy || b.proxy ? { proxy: addProxy(a.proxy, b.proxy) } : {}),
  };
}

function addProxy(a: ProxyCounts = noProxyCounts, b: ProxyCounts = noProxyCounts): ProxyCounts {
  return {
    requests: a.requests + b.requests,
    errors: a.errors + b.errors,
    durationMillis: addDistributions(a.durationMillis, b.durationMillis),
  };
}

function proxySince(before: ProxyCounts | undefined, after: ProxyCounts): ProxyCounts {
  if (before === undefined) return after;
  return {
    requests: after.requests - before.requests,
    errors: less(after.errors, before.errors),
    durationMillis: distributionSince(before.durationMillis, after.durationMillis),
  };
}

/** Istio's sidecars publish their connection managers only where `proxyStatsMatcher` includes them; its own metrics always. */
function proxyCounts(metrics: Metrics): ProxyCounts | undefined {
  return connectionManagers(metrics) ?? istioCounts(metrics);
}

function connectionManagers(metrics: Metrics): ProxyCounts | undefined {
  const dialect = dialects.find(({ requests }) => metrics.samples(requests).length > 0);
  if (dialect === undefined) return undefined;
  const { prefix, requests, serverErrors, refused } = dialect;
  const prefixes = new Set(metrics.samples(requests).map(({ labels }) => labels[prefix] ?? ""));
  const serving = [...prefixes].filter((name) => !ownPages.has(name));
  const inbound = serving.filter((name) => name.startsWith("inbound"));
  // Only sidecars speak of inbound; a gateway's listeners are all for requests that come in.
  const chosen = inbound.length > 0 ? inbound : serving;
  if (chosen.length === 0) return undefined;
  const sum = (name: string, where: Labels = {}): number =>
    chosen.reduce((total, one) => total + metrics.sum(name, { ...where, [prefix]: one }), 0);
  const histograms = chosen.map((one) =>
    distributionOf(metrics.histogram("envoy_http_downstream_rq_time", { [prefix]: one })),
  );
  return {
    requests: sum(requests),
    errors: sum(requests, serverErrors) + sum(refused.name, refused.where),
    durationMillis: histograms.reduce(addDistributions, emptyDistribution),
  };
}

/** How Envoy's own statistics are cut into names and labels. */
interface Dialect {
  /** The label that names the connection manager. */
  readonly prefix: string;
  readonly requests: string;
  readonly serverErrors: Labels;
  readonly refused: { readonly name: string; readonly where: Labels };
}

const dialects: readonly Dialect[] = [
  // Istio's bootstrap turns off Envoy's tag rules and brings a few of its own.
  {
    prefix: "http_conn_manager_prefix",
    requests: "envoy_http_downstream_rq",
    serverErrors: { response_code_class: "5xx" },
    refused: { name: "envoy_http_rbac", where: { authz_enforce_result: "denied" } },
  },
  {
    prefix: "envoy_http_conn_manager_prefix",
    requests: "envoy_http_downstream_rq_xx",
    serverErrors: { envoy_response_code_class: "5" },
    refused: { name: "envoy_http_rbac_denied", where: {} },
  },
];

const ownPages = new Set(["admin", "agent", "stats"]);

function istioCounts(metrics: Metrics): ProxyCounts | undefined {
  const reporter = "destination";
  const samples = metrics.samples("istio_requests_total", { reporter });
  if (samples.length === 0) return undefined;
  const sumOf = (wanted: (code: string) => boolean): number =>
    samples.reduce((sum, { labels, value }) => sum + (wanted(labels["response_code"] ?? "") ? value : 0), 0);
  return {
    requests: sumOf(() => true),
    errors: sumOf((code) => code.startsWith("5") || code === "403"),
    durationMillis: distributionOf(metrics.histogram("istio_request_duration_milliseconds", { reporter })),
  };
}

function byLabel(metrics: Metrics, name: string, label: string, where: Labels = {}): Record<string, number> {
  return Object.fromEntries([...metrics.sumBy(name, label, where)].filter(([, count]) => count > 0));
}

/** Never below nothing: single counters of a scrape may be of slightly different moments. */
function less(after: number, before: number): number {
  return Math.max(0, after - before);
}

function lessEach(
  after: Readonly<Record<string, number>>,
  before: Readonly<Record<string, number>>,
): Record<string, number> {
  const rest = Object.entries(after).map(([key, count]) => [key, less(count, before[key] ?? 0)] as const);
  return Object.fromEntries(rest.filter(([, count]) => count > 0));
}

function addEach(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Record<string, number> {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Object.fromEntries([...keys].map((key) => [key, (a[key] ?? 0) + (b[key] ?? 0)]));
}
