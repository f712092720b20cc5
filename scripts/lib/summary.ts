import { quantile, type Metrics } from "./prometheus.ts";
import { table } from "./table.ts";

const requestsTotal = "trading_requests_total";
const duration = "trading_request_duration_us";
const topSymbols = 8;

/** Requests that the filter has counted. */
export function countedRequests(metrics: Metrics): number {
  return metrics.sum(requestsTotal);
}

/** Whether the histograms hold every request that is counted: a flush has passed since the last one. */
export function isFlushed(metrics: Metrics): boolean {
  return metrics.sum(`${duration}_count`) >= countedRequests(metrics);
}

/** What the filter did, for people to read, from one scrape. */
export function summarise(metrics: Metrics): string {
  const sections = [
    ["Requests by operation and result", crossTable(metrics, requestsTotal, "operation", "result")],
    ["Latency by operation, µs (estimated from histogram buckets)", latencies(metrics)],
    ["Most traded symbols", symbols(metrics)],
    ["Quota decisions", crossTable(metrics, "trading_quota_decisions_total", "quota", "decision")],
    [
      "Latency budgets broken, by who spent the time",
      crossTable(metrics, "trading_budget_violations_total", "budget", "share"),
    ],
    ["Upstream stages, µs", stages(metrics)],
    ["The filter itself", own(metrics)],
  ];
  return sections.flatMap(([title, body]) => (body ? [`${title}\n${body}`] : [])).join("\n\n");
}

function latencies(metrics: Metrics): string {
  const operations = metrics.sumBy(`${duration}_count`, "operation").keys();
  return quantiles(metrics, duration, "operation", [...operations]);
}

function stages(metrics: Metrics): string {
  const name = "trading_stage_duration_us";
  return quantiles(metrics, name, "stage", [...metrics.sumBy(`${name}_count`, "stage").keys()]);
}

function quantiles(metrics: Metrics, name: string, label: string, values: readonly string[]): string {
  if (values.length === 0) return "";
  const rows = values.map((value) => {
    const histogram = metrics.histogram(name, { [label]: value });
    const estimates = [0.5, 0.9, 0.99, 0.999].map((q) => quantile(q, histogram).toFixed(0));
    return [value, String(histogram.count), ...estimates];
  });
  return table([[label, "requests", "p50", "p90", "p99", "p99.9"], ...rows]);
}

function symbols(metrics: Metrics): string {
  const total = countedRequests(metrics);
  const counts = [...metrics.sumBy(requestsTotal, "symbol")];
  const rows = counts
    .slice(0, topSymbols)
    .map(([symbol, count]) => [symbol, String(count), `${((100 * count) / total).toFixed(1)}%`]);
  const more = counts.length - rows.length;
  return table([["symbol", "requests", "share"], ...rows]) + (more > 0 ? `\n  and ${more} more` : "");
}

/** Sums of a metric: a row for each value of one label, a column for each value of another. */
function crossTable(metrics: Metrics, name: string, rowLabel: string, columnLabel: string): string {
  const columns = [...metrics.sumBy(name, columnLabel).keys()];
  const rows = [...metrics.sumBy(name, rowLabel)].map(([value, total]) => {
    const cells = columns.map((column) => metrics.sum(name, { [rowLabel]: value, [columnLabel]: column }));
    return [value, total, ...cells].map(String);
  });
  return rows.length === 0 ? "" : table([[rowLabel, "total", ...columns], ...rows]);
}

function own(metrics: Metrics): string {
  const names = metrics.names().filter((name) => name.startsWith("tickgate_"));
  const rows = names.flatMap((name) =>
    metrics.samples(name).map(({ labels, value }) => {
      const pairs = Object.entries(labels).map(([label, text]) => `${label}="${text}"`);
      return [pairs.length === 0 ? name : `${name}{${pairs.join(",")}}`, String(value)];
    }),
  );
  return table(rows);
}
