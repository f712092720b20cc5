import type { Estimate } from "../statistics.ts";
import { table } from "../../scripts/lib/table.ts";
import type { Comparison, K6Report, Population, Verdict } from "./k6-types.ts";

/** A report for people to read. */
export function printable(report: K6Report): string {
  const { ratePerSecond, durationSeconds, requests, dropped } = report.load;
  const { environment } = report;
  const series = report.series.map(({ name, unit, points, slopePerHour }) => {
    const values = points.map(([, value]) => value);
    const shown = (value: number): string => figure(value, unit);
    const slope = slopePerHour === undefined ? "" : `, slope ${shown(slopePerHour)} an hour`;
    return `  ${name}: ${shown(Math.min(...values))} to ${shown(Math.max(...values))}${slope}`;
  });
  const sections = [
    `${report.scenario}: ${report.question}`,
    `${requests} requests, ${ratePerSecond}/s for ${durationSeconds} s, ${dropped} dropped; k6 ${environment.k6}, Envoy ${environment.envoy}, ${environment.concurrency} worker(s)`,
    populationTable(report.populations),
    report.comparisons.length === 0 ? "" : comparisonTable(report.comparisons),
    series.join("\n"),
    verdictTable(report.verdicts),
    report.notes.map((note) => `  ${note}`).join("\n"),
    report.passed ? "passed" : "FAILED",
  ];
  return sections.filter((section) => section !== "").join("\n\n");
}

function populationTable(populations: readonly Population[]): string {
  const head = ["client's latency, us", "requests", "unexpected", "p50", "p90", "p99", "p99.9", "max", "ran"];
  const rows = populations.map(({ name, requests, unexpected, latency, ran }) => {
    const figures = [latency.p50, latency.p90, latency.p99, latency.p999, latency.max].map(micros);
    const counted = ran === undefined ? "-" : `${ran.counted}/${ran.expected}`;
    return [name, String(requests), String(unexpected), ...figures, counted];
  });
  const inside = populations.flatMap(({ name, inEnvoy }) =>
    inEnvoy === undefined
      ? []
      : [[name, ...[inEnvoy.p50, inEnvoy.p90, inEnvoy.p99, inEnvoy.p999, inEnvoy.max].map(micros)]],
  );
  if (inside.length === 0) return table([head, ...rows]);
  const insideHead = ["request path in Envoy, us", "p50", "p90", "p99", "p99.9", "max"];
  return `${table([head, ...rows])}\n\n${table([insideHead, ...inside])}`;
}

function comparisonTable(comparisons: readonly Comparison[]): string {
  const head = ["difference, us [95% CI]", "clock", "pairs", "p50", "p90", "p99", "p99.9"];
  const rows = comparisons.map(({ name, baseline, clock, p50, p90, p99, p999 }) => [
    `${name} - ${baseline}`,
    clock,
    String(p50.samples),
    ...[p50, p90, p99, p999].map(interval),
  ]);
  return table([head, ...rows]);
}

function verdictTable(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ name, measured, comparison, bound, unit, passed, isTarget }) => [
    `${isTarget === true ? "target: " : ""}${name}`,
    figure(measured, unit),
    `${comparison} ${figure(bound, unit)}`,
    passed ? "ok" : "FAILED",
  ]);
  return table([["condition", "measured", "bound", ""], ...rows]);
}

function interval({ value, low, high }: Estimate): string {
  return `${micros(value)} [${micros(low)}, ${micros(high)}]`;
}

function micros(value: number): string {
  return value.toFixed(Math.abs(value) < 100 ? 1 : 0);
}

function figure(value: number, unit: string): string {
  if (unit === "bytes") return `${(value / 2 ** 20).toFixed(1)} MiB`;
  if (unit === "us") return `${micros(value)} us`;
  return `${Number.isInteger(value) ? value : value.toPrecision(4)}${unit && ` ${unit}`}`;
}
