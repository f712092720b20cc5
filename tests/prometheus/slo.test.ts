import assert from "node:assert/strict";
import { test } from "node:test";
import type { Config } from "../../scripts/lib/config/types.ts";
import type { Labels, Metrics } from "../../scripts/lib/prometheus.ts";
import { renderSloRules } from "../../scripts/lib/slo.ts";
import { startGateway } from "../envoy/lib/gateway.ts";
import { testRules, type InputSeries, type RuleCase } from "./promtool.ts";

// The generated rules over series with the very names and labels that a real Envoy shows.

const name = "order-placement";
const configuration: Config = {
  operations: [{ name: "place_order", method: "POST", path: "/api/v1/orders" }],
  quotas: [{ name: "all", operations: ["place_order"], key: [], limit: 4, window: "1h" }],
  budgets: [{ name, limit: "1us" }],
};
const violations = "trading_budget_violations_total";
const burn = (window: string): string => `TickgateBudgetBurn${window}`;

/** Sums of rates are not exact to the last binary digit. */
function rounded(expr: string): string {
  return `round(${expr}, 0.000001)`;
}

/** Spells a scraped series as Prometheus would store it for a pod. */
function spell(metric: string, labels: Labels, pod: string): string {
  const pairs = Object.entries({ ...labels, pod }).map(([label, value]) => `${label}="${value}"`);
  return `${metric}{${pairs.join(",")}}`;
}

/** Scraped series of a metric with these labels in two pods, growing by so much a minute in all. */
function growing(
  seen: Metrics,
  metric: string,
  where: Labels,
  pieces: readonly (readonly [number, number])[],
): InputSeries[] {
  const samples = seen.samples(metric, where);
  assert.ok(samples.length > 0, `Envoy shows no ${metric} ${JSON.stringify(where)}`);
  const [first = { labels: {} }] = samples;
  let from = 0;
  const values = pieces.map(([perMinute, minutes], index) => {
    const start = from;
    from += (perMinute / 2) * (minutes + 1);
    return `${start + (index === 0 ? 0 : perMinute / 2)}+${perMinute / 2}x${minutes}`;
  });
  return ["a", "b"].map((pod) => ({ series: spell(metric, first.labels, pod), values: values.join(" ") }));
}

test("alerts fire on what burns, not on what came too late, and not for ever", async (t) => {
  const gateway = await startGateway(t, { configuration });
  const order = { method: "POST", path: "/api/v1/orders" };
  for (const status of ["200", "200", "404", "503"]) await gateway.send([["x-want-status", status]], order);
  await gateway.send([], order);
  await gateway.send([["x-latency-budget-us", "0"]]);
  await gateway.counted(6);
  const seen = await gateway.metrics();
  const requests = (perMinute: number, minutes: number): InputSeries[] =>
    growing(seen, "trading_budget_requests_total", { budget: name }, [[perMinute, minutes]]);
  const upstream = { budget: name, share: "upstream" };
  const broken = (...pieces: [number, number][]): InputSeries[] =>
    growing(seen, violations, upstream, pieces);
  const fired = (window: string, severity: string, share: string, factor: number): object => ({
    exp_labels: { severity, budget: name, window },
    exp_annotations: {
      summary: `Requests of ${name} take longer than 1us`,
      description: `${share} of requests broke the latency budget ${name} within ${window}: ${factor} times what an objective of 99.9% allows.`,
    },
  });
  const none = {
    [burn("1h")]: undefined,
    [burn("6h")]: undefined,
    [burn("1d")]: undefined,
    [burn("3d")]: undefined,
  };
  const ratio = `budget:trading_budget_violations:ratio_rate1h`;
  const cases: RuleCase[] = [
    {
      name: "0.05% for three days",
      input: [...requests(2000, 4400), ...broken([1, 4400])],
      alerts: { at: "72h", firing: none },
      values: { at: "72h", of: [{ expr: rounded(ratio), labels: `{budget="${name}"}`, value: 0.0005 }] },
    },
    {
      name: "2% for three days",
      input: [...requests(2000, 4400), ...broken([40, 4400])],
      alerts: {
        at: "72h",
        firing: {
          [burn("1h")]: fired("1h", "page", "2%", 14.4),
          [burn("6h")]: fired("6h", "page", "2%", 6),
          [burn("1d")]: fired("1d", "ticket", "2%", 3),
          [burn("3d")]: fired("3d", "ticket", "2%", 1),
        },
      },
    },
    {
      name: "0.2% for three days",
      input: [...requests(2000, 4400), ...broken([4, 4400])],
      alerts: { at: "72h", firing: { ...none, [burn("3d")]: fired("3d", "ticket", "0.2%", 1) } },
    },
    {
      name: "20% for ten minutes: over again, nobody is called",
      input: [...requests(2000, 4400), ...broken([0, 4240], [400, 10], [0, 140])],
      alerts: { at: "71h30m", firing: { ...none, [burn("3d")]: undefined } },
    },
    {
      name: "callers with nothing left, half of the traffic",
      input: [
        ...requests(2000, 4400),
        ...growing(seen, violations, { budget: name, share: "arrival" }, [[1000, 4400]]),
        ...broken([1, 4400]),
      ],
      alerts: { at: "72h", firing: { ...none, [burn("3d")]: undefined } },
      values: { at: "72h", of: [{ expr: rounded(ratio), labels: `{budget="${name}"}`, value: 0.001 }] },
    },
    {
      name: "no violation was ever counted",
      input: requests(2000, 100),
      values: { at: "90m", of: [{ expr: rounded(ratio), labels: `{budget="${name}"}`, value: 0 }] },
    },
    orderCase(seen),
  ];
  await testRules(t, renderSloRules(configuration, { all: 99.9 }), cases);
});

/** 90 ok, 6 and 4 errors, and refusals that are left out. */
function orderCase(seen: Metrics): RuleCase {
  const result = (value: string, perMinute: number): InputSeries[] =>
    growing(seen, "trading_requests_total", { operation: "place_order", result: value }, [[perMinute, 100]]);
  const record = "operation:trading_requests_ok:ratio_rate5m";
  return {
    name: "orders",
    input: [
      ...result("ok", 90),
      ...result("server_error", 6),
      ...result("client_error", 4),
      ...result("quota_denied", 500),
    ],
    values: { at: "90m", of: [{ expr: rounded(record), labels: '{operation="place_order"}', value: 0.9 }] },
  };
}
