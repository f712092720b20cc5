import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { waitFor } from "../../scripts/lib/process.ts";
import { startGateway, type Gateway } from "../envoy/lib/gateway.ts";
import { promtool, startPrometheus } from "./server.ts";
import { startUpstream } from "../envoy/lib/upstream.ts";

const configuration = {
  operations: [{ name: "place_order", method: "POST" }, { name: "quote" }],
  stages: { values: ["risk"] },
  quotas: [{ name: "orders", operations: ["place_order"], key: ["user"], limit: 1, window: "1h" }],
  budgets: [{ name: "tight", limit: "1us" }],
};

/** Enough symbols that each of two workers has one without a place. */
const requests = 40;
const dimensions = ["order_type", "strategy_id", "symbol", "venue"];

/** Every metric this traffic makes, with its labels as the contract has them. */
const contract: Readonly<Record<string, readonly string[]>> = {
  trading_requests_total: ["operation", ...dimensions, "result"],
  trading_request_duration_us_bucket: ["le", "operation"],
  trading_request_duration_us_sum: ["operation"],
  trading_request_duration_us_count: ["operation"],
  trading_quota_decisions_total: ["decision", "quota"],
  trading_budget_requests_total: ["budget"],
  trading_budget_violations_total: ["budget", "share"],
  trading_stage_duration_us_bucket: ["le", "stage"],
  trading_stage_duration_us_sum: ["stage"],
  trading_stage_duration_us_count: ["stage"],
  trading_market_data_lag_us_bucket: ["le", "operation"],
  trading_market_data_lag_us_sum: ["operation"],
  trading_market_data_lag_us_count: ["operation"],
  trading_active_users: [],
  tickgate_build_info: ["version"],
  tickgate_config_info: ["config"],
  tickgate_config_ok: [],
  tickgate_series: [],
  tickgate_series_overflow_total: ["label"],
  tickgate_failures_total: ["reason"],
};

/** Sends what touches every metric, and waits until Envoy shows it. */
async function busyGateway(t: TestContext): Promise<Gateway> {
  const upstream = await startUpstream(t, (request, response) => {
    request.resume();
    response.writeHead(200, { "server-timing": "risk;dur=1, ;;", "x-market-timestamp": "1" }).end();
  });
  const gateway = await startGateway(t, { configuration, upstream, workers: 2 });
  for (let i = 0; i < requests; i++) {
    const headers = [
      ["x-trading-symbol", `S-${i}`],
      ["x-order-type", "limit"],
      ["x-strategy-id", 'a"b\\c;.;symbol=.=x'],
      ["x-execution-venue", "N.Y.S.E"],
      ["x-user-id", "alice"],
      ["x-trading-operation", "quote"],
    ] as const;
    await gateway.send(headers, { method: i < 4 ? "POST" : "GET" });
  }
  // The census of users comes every ten seconds.
  for (const name of Object.keys(contract))
    await gateway.scraped(`${name} was shown`, (seen) => seen.samples(name).length > 0, 25_000);
  return gateway;
}

test("what Prometheus and promtool make of our metrics", async (t) => {
  const gateway = await busyGateway(t);
  await t.test("Prometheus has exactly the metrics and labels of the contract", (sub) =>
    scrape(sub, gateway),
  );
  await t.test("promtool complains of nothing but two things that are given", () => lint(gateway));
});

async function scrape(t: TestContext, gateway: Gateway): Promise<void> {
  const { host } = new URL(gateway.envoy.admin.url);
  const prometheus = await startPrometheus(t, host);
  const series = await waitFor(
    `Prometheus had scraped ${requests} requests`,
    async () => {
      const all = await prometheus.query('{__name__=~"(trading|tickgate)_.*"}');
      const counted = all.filter(({ labels }) => labels["__name__"] === "trading_requests_total");
      return counted.reduce((sum, { value }) => sum + value, 0) === requests ? all : undefined;
    },
    { timeoutMillis: 20_000, intervalMillis: 100 },
  );
  const seen: Record<string, string[]> = {};
  for (const { labels } of series) {
    const { __name__: name = "", job: _job, instance: _instance, ...own } = labels;
    const known = (seen[name] ??= Object.keys(own).toSorted());
    assert.deepEqual(Object.keys(own).toSorted(), known, name);
  }
  const wanted = Object.fromEntries(Object.entries(contract).map(([name, own]) => [name, own.toSorted()]));
  assert.deepEqual(seen, wanted);
  const [limit] = await prometheus.query('trading_requests_total{symbol="S-0"}');
  const { symbol, order_type, strategy_id, venue, operation, result } = limit?.labels ?? {};
  assert.deepEqual(
    { symbol, order_type, strategy_id, venue, operation, result },
    {
      symbol: "S-0",
      order_type: "limit",
      strategy_id: "a_b_c___symbol___x",
      venue: "N_Y_S_E",
      operation: "place_order",
      result: "ok",
    },
  );
}

/** Envoy writes no HELP lines for anybody; the names that end in `_us` are the contract's. */
const given = /^\w+ no help text$|^trading_\w+_us metric names should not contain abbreviated units$/;

async function lint(gateway: Gateway): Promise<void> {
  const text = await gateway.envoy.admin.prometheusText("^wasmcustom");
  const { stdout, stderr } = await promtool(["check", "metrics"], text);
  const complaints = `${stdout}${stderr}`.split("\n").filter((line) => line !== "");
  assert.ok(complaints.includes("trading_requests_total no help text"), "promtool has read them");
  assert.deepEqual(
    complaints.filter((line) => !given.test(line)),
    [],
  );
}
