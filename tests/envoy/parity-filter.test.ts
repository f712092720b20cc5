import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test, type TestContext } from "node:test";
import { Proxy, type HeadersInit } from "../../scripts/lib/emulator/index.ts";
import { accessLog } from "../../scripts/lib/envoy/config.ts";
import { filterModule } from "../../scripts/lib/paths.ts";
import { waitFor } from "../../scripts/lib/process.ts";
import type { Metrics } from "../../scripts/lib/prometheus.ts";
import { startGateway } from "./lib/gateway.ts";
import type { RawHeaders } from "./lib/raw.ts";
import { requestHeaders } from "./lib/scenarios.ts";
import { startUpstream } from "./lib/upstream.ts";

// The filter itself, the same requests in the same order: metrics, replies and filter state must be the same.

const configuration = {
  identity: { anonymous: "reject" },
  operations: [
    { name: "place_order", method: "POST", path: "/api/v1/orders" },
    { name: "cancel_order", method: "DELETE", pathPrefix: "/api/v1/orders/" },
    { name: "quote" },
  ],
  dimensions: [
    { label: "symbol", header: "x-trading-symbol", case: "upper" },
    { label: "order_type", header: "x-order-type", case: "lower", values: ["market", "stop_limit"] },
  ],
  stages: { values: ["risk", "match"] },
  metrics: { filterState: true, maxSeries: 500 },
  quotas: [{ name: "orders", operations: ["place_order"], key: ["user"], limit: 2, window: "1h" }],
  budgets: [
    { name: "tight", operations: ["cancel_order"], limit: "1us" },
    { name: "shed", operations: ["quote"], limit: "1s", mode: "shed" },
  ],
};

interface Case {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: RawHeaders;
  readonly answer?: {
    readonly status: number;
    readonly headers?: Readonly<Record<string, string | string[]>>;
  };
}

const order = { method: "POST", path: "/api/v1/orders" };
const alice = ["x-user-id", "alice"] as const;
const cases: readonly Case[] = [
  { ...order, headers: [alice, ["x-trading-symbol", "btc-usd"], ["x-order-type", "MARKET"]] },
  { ...order, headers: [alice, ["X-Trading-Symbol", "eth-usd"], ["x-trading-symbol", "btc-usd"]] },
  { ...order, headers: [alice, ["x-trading-symbol", "a;.;b=.=c"]] },
  { ...order, headers: [alice, ["content-type", "application/grpc"]] },
  { ...order, headers: [["x-trading-symbol", "sol-usd"]] },
  { ...order, headers: [["x-user-id", "al,ice"]] },
  {
    ...order,
    headers: [
      ["x-user-id", "bob"],
      ["x-trading-symbol", "\xe9\x80\xff"],
    ],
    answer: { status: 404 },
  },
  {
    path: "/api/v1/orders/17",
    method: "DELETE",
    headers: [["x-order-type", "iceberg"]],
    answer: { status: 500 },
  },
  {
    headers: [
      ["x-trading-operation", "quote"],
      ["x-latency-budget-us", "0"],
    ],
  },
  {
    headers: [
      ["x-trading-operation", "quote"],
      ["x-latency-budget-us", "12x"],
    ],
  },
  { headers: [["x-trading-operation", "place_order"]] },
  { path: "//api/v1/./orders", method: "POST", headers: [["x-user-id", "carol"]] },
  {
    headers: [["x-trading-operation", "quote"]],
    answer: {
      status: 200,
      headers: {
        "server-timing": ["risk;dur=1.5, match;dur=2", "other;dur=1, ;;"],
        "x-market-timestamp": "1",
      },
    },
  },
  {
    headers: [["x-trading-operation", "quote"]],
    answer: { status: 200, headers: { "x-market-timestamp": "soon" } },
  },
];

/** What a caller and an operator see of one request. */
interface Outcome {
  readonly status: number | undefined;
  readonly details: string | undefined;
  readonly reply: Readonly<Record<string, string | undefined>>;
  readonly body: string;
  readonly state: Readonly<Record<string, string>>;
}

const replyHeaders = [
  "retry-after",
  "ratelimit",
  "ratelimit-policy",
  "www-authenticate",
  "content-type",
  "grpc-status",
  "grpc-message",
  "grpc-retry-pushback-ms",
  "x-envoy-ratelimited",
];
const states = ["symbol", "order_type", "operation", "verdict", "budget", "user"];

test("the filter does the same in the emulator as in Envoy", async (t) => {
  const real = await runReal(t);
  const emulated = await runEmulated();
  for (const [i, one] of real.outcomes.entries()) assert.deepEqual(emulated.outcomes[i], one, `request ${i}`);
  assert.deepEqual(emulated.series, real.series);
});

interface Seen {
  readonly outcomes: readonly Outcome[];
  readonly series: ReadonlyMap<string, number>;
}

async function runReal(t: TestContext): Promise<Seen> {
  const upstream = await startUpstream(t, (request, response) => {
    request.resume();
    const { status = 200, headers = {} } = cases[Number(request.headers["x-case"])]?.answer ?? {};
    const fixed = { "content-type": "text/plain", "content-length": "6" };
    response.writeHead(status, { ...fixed, ...headers }).end("answer");
  });
  const formats = Object.fromEntries(
    states.map((name) => [name, `%FILTER_STATE(wasm.trading_${name}:PLAIN)%`]),
  );
  const log = accessLog({ ...formats, details: "%RESPONSE_CODE_DETAILS%" });
  const gateway = await startGateway(t, { configuration, upstream, listener: { accessLog: [log] } });
  const replies = [];
  for (const [i, { headers = [], ...request }] of cases.entries())
    replies.push(await gateway.send([...headers, ["x-case", String(i)]], request));
  const lines = await waitFor("all requests were logged", () => {
    const found = gateway.envoy.logs().filter((line) => line.startsWith("{"));
    return found.length === cases.length ? found : undefined;
  });
  const outcomes = replies.map(({ status, headers, body }, i): Outcome => {
    const { details, ...rest }: Record<string, string | null> = JSON.parse(lines[i] ?? "{}");
    const state = Object.entries(rest).flatMap(([name, value]) =>
      value === null || value === "-" ? [] : [[name, value]],
    );
    return {
      status,
      details: details ?? undefined,
      reply: pick((name) => headers[name]),
      body,
      state: Object.fromEntries(state),
    };
  });
  await gateway.counted(cases.length);
  const durations = "trading_request_duration_us_count";
  const metrics = await gateway.scraped(
    "the histograms' flush",
    (seen) => seen.sum(durations) === cases.length,
  );
  return { outcomes, series: seriesOf(metrics) };
}

/** Values by series; histograms by their counts. The share of a broken budget is a matter of time. */
function seriesOf(metrics: Metrics): Map<string, number> {
  const series = new Map<string, number>();
  for (const name of metrics.names()) {
    if (/_(bucket|sum)$/.test(name)) continue;
    for (const { labels, value } of metrics.samples(name))
      addTo(series, name.replace(/_us_count$/, "_us"), labels, value);
  }
  return series;
}

function addTo(
  series: Map<string, number>,
  name: string,
  labels: Readonly<Record<string, string>>,
  value: number,
): void {
  // When users are counted is a matter of time, too.
  if (name === "trading_active_users") return;
  const known = Object.entries(labels).filter(([label]) => label !== "share");
  const key = `${name} ${known
    .map((pair) => pair.join("="))
    .toSorted()
    .join(" ")}`;
  series.set(key, (series.get(key) ?? 0) + value);
}

async function runEmulated(): Promise<Seen> {
  const proxy = new Proxy({ workers: 1 });
  const plugin = proxy.load({ wasm: await readFile(filterModule), configuration });
  const outcomes = cases.map(({ headers = [], answer, ...request }): Outcome => {
    const bytes = headers.map(([name, value]) => [name, Buffer.from(value, "latin1")] as const);
    const init: HeadersInit = requestHeaders(bytes, request);
    const answered = { "content-type": "text/plain", ...answer?.headers };
    const { response, filterState } = plugin.worker().request({
      protocol: "HTTP/1.1",
      headers: init,
      upstream: {
        poolReadyMicros: 20,
        delayMicros: 300,
        status: answer?.status ?? 200,
        headers: answered,
        body: "answer",
      },
    });
    const { status, details, body } = response;
    const state = Object.entries(filterState).map(([name, value]) => [
      name.replace(/^wasm\.trading_/, ""),
      value,
    ]);
    return {
      status,
      details,
      reply: pick((name) => response.headers?.get(name)),
      body,
      state: Object.fromEntries(state),
    };
  });
  proxy.advance(20_000);
  const series = new Map<string, number>();
  for (const { name, labels, value } of proxy.stats.series()) addTo(series, name, labels, value);
  return { outcomes, series };
}

function pick(valueOf: (name: string) => string | undefined): Record<string, string | undefined> {
  return Object.fromEntries(replyHeaders.map((name) => [name, inMinutes(name, valueOf(name))]));
}

/** Waits in whole minutes: some moments pass between two requests to Envoy, none in the emulator. */
function inMinutes(name: string, value: string | undefined): string | undefined {
  const unit = name === "grpc-retry-pushback-ms" ? 60_000 : 60;
  const minutes = (text: string): string => `${Math.ceil(Number(text) / unit)} min`;
  if (name === "ratelimit") return value?.replace(/(?<=;t=)\d+/, minutes);
  return name === "retry-after" || unit > 60 ? value?.replace(/\d+/, minutes) : value;
}
