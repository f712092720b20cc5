import { CliError } from "../../../scripts/lib/cli.ts";
import { Metrics, type Sample } from "../../../scripts/lib/prometheus.ts";
import { causeWithin } from "../cause.ts";
import type { Pod } from "../cluster/pods.ts";
import { parseJson } from "../json.ts";
import { countsOf } from "./counts.ts";
import type { MetricsSource, PodCounts, Reading } from "./source.ts";

/** Where Prometheus is, and how it names pods. */
export interface PrometheusOptions {
  /** `http://prometheus.monitoring:9090`, with a path when it is served below one. */
  readonly url: string;
  /** The label with the pod's name. */
  readonly podLabel: string;
  /** The label with its namespace, for other namespaces have pods of the same names; empty when no series has it. */
  readonly namespaceLabel: string;
  /** Further matchers, as in PromQL: `cluster="eu"`. */
  readonly matchers: string;
  /** Of the metrics of traps: those of plugins whose name holds it. */
  readonly plugin: string;
  /** For the Authorization header. */
  readonly token?: string | undefined;
}

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data?: {
    readonly result: readonly { readonly metric: Record<string, string>; readonly value: [number, string] }[];
  };
}

/** One element of an instant vector. */
interface Element {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const timeoutMillis = 10_000;

/** Names of everything `countsOf` reads, as Prometheus stores it. */
const needed = [
  "trading_requests_total",
  "trading_request_duration_us_(bucket|sum|count)",
  "trading_quota_decisions_total",
  "tickgate_failures_total",
  "envoy_http_downstream_rq(_xx)?",
  "envoy_http_downstream_rq_time_(bucket|sum|count)",
  "envoy_http_rbac(_denied)?",
  "envoy_wasm_.*_vm_reload_.*",
  "istio_requests_total",
  "istio_request_duration_milliseconds_(bucket|sum|count)",
].join("|");

/** The labels `countsOf` looks at; all others, the dimensions above all, are summed away by Prometheus. */
const kept = [
  "__name__",
  "result",
  "quota",
  "decision",
  "reason",
  "le",
  "http_conn_manager_prefix",
  "response_code_class",
  "authz_enforce_result",
  "envoy_http_conn_manager_prefix",
  "envoy_response_code_class",
  "reporter",
  "response_code",
];

/** A gauge every proxy with the filter has: its samples' times are those of the scrapes. */
const everywhere = "tickgate_config_ok";

/** Asks Prometheus for the last scrape of every pod. What it last scraped long ago, the caller tells by `atMillis`. */
export function prometheusMetrics(options: PrometheusOptions): MetricsSource {
  const { podLabel, plugin } = options;
  return {
    description: `Prometheus at ${new URL(options.url).host}`,
    async read(pods) {
      const where = selectorOf(pods, options);
      try {
        const [times, series] = await Promise.all([
          query(options, `max by (${podLabel}) (timestamp(${everywhere}{${where}}))`),
          query(options, `sum by (${[podLabel, ...kept].join(",")}) ({__name__=~"${needed}",${where}})`),
        ]);
        return readingOf(pods, timesByPod(times, podLabel), seriesByPod(series, podLabel), plugin);
      } catch (error) {
        const reason = `${this.description}: ${causeWithin(timeoutMillis, error)}`;
        return { pods: new Map(), missing: new Map(pods.map(({ name }) => [name, reason])) };
      }
    },
  };
}

function readingOf(
  pods: readonly Pod[],
  times: ReadonlyMap<string, number>,
  series: ReadonlyMap<string, Metrics>,
  plugin: string,
): Reading {
  const found = new Map<string, PodCounts>();
  const missing = new Map<string, string>();
  for (const { name } of pods) {
    const atMillis = times.get(name);
    const metrics = series.get(name);
    if (atMillis === undefined || metrics === undefined) missing.set(name, "Prometheus has no series of it");
    else found.set(name, { counts: countsOf(metrics, plugin), atMillis });
  }
  return { pods: found, missing };
}

function timesByPod(elements: readonly Element[], podLabel: string): Map<string, number> {
  return new Map(elements.map(({ labels, value }) => [labels[podLabel] ?? "", value * 1000]));
}

function seriesByPod(elements: readonly Element[], podLabel: string): Map<string, Metrics> {
  const pods = new Map<string, Map<string, Sample[]>>();
  for (const { labels: all, value } of elements) {
    const { __name__: name = "", [podLabel]: pod = "", ...labels } = all;
    const families = pods.get(pod) ?? new Map<string, Sample[]>();
    const samples = families.get(name) ?? [];
    samples.push({ labels, value });
    pods.set(pod, families.set(name, samples));
  }
  return new Map([...pods].map(([pod, families]) => [pod, new Metrics(families)]));
}

/** The pods of one rollout are of one namespace. */
function selectorOf(pods: readonly Pod[], { podLabel, namespaceLabel, matchers }: PrometheusOptions): string {
  // A pod's name may hold dots; in PromQL's strings a backslash is written twice.
  const names = pods.map(({ name }) => name.replaceAll(".", String.raw`\\.`)).join("|");
  const namespace = namespaceLabel === "" ? "" : `${namespaceLabel}="${pods[0]?.namespace ?? ""}"`;
  return [`${podLabel}=~"${names}"`, namespace, matchers].filter((part) => part !== "").join(",");
}

async function query(options: PrometheusOptions, expression: string): Promise<Element[]> {
  const { href, headers } = endpoint(options);
  const response = await fetch(href, {
    method: "POST",
    headers,
    body: new URLSearchParams({ query: expression }),
    signal: AbortSignal.timeout(timeoutMillis),
  });
  const text = await response.text();
  const answer =
    response.headers.get("content-type")?.includes("json") === true ? parseJson<Answer>(text) : undefined;
  if (answer?.data === undefined) {
    const said = answer?.error ?? text.trim().slice(0, 200);
    throw new CliError(`HTTP ${response.status}${said === "" ? "" : `: ${said}`}`);
  }
  return answer.data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
}

/** A name and password in the URL go into a header: fetch refuses them in the URL, and messages must not show them. */
function endpoint({ url, token }: PrometheusOptions): { href: string; headers: Record<string, string> } {
  const base = new URL(url);
  const { username, password } = base;
  base.username = "";
  base.password = "";
  const href = `${base.href.replace(/\/$/, "")}/api/v1/query`;
  if (token !== undefined) return { href, headers: { authorization: `Bearer ${token}` } };
  if (username === "") return { href, headers: {} };
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { href, headers: { authorization: `Basic ${Buffer.from(pair).toString("base64")}` } };
}
