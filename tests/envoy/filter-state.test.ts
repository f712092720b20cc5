import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { accessLog } from "../../scripts/lib/envoy/config.ts";
import { waitFor } from "../../scripts/lib/process.ts";
import { answerGrpc, callGrpc, startGrpcUpstream } from "./lib/grpc.ts";
import { startGateway, type Gateway, type GatewayOptions } from "./lib/gateway.ts";
import { startUpstream } from "./lib/upstream.ts";
import { startCollector, type Collector } from "./lib/zipkin.ts";

const names = ["symbol", "order_type", "strategy_id", "venue", "operation", "verdict", "budget", "user"];
const formats = Object.fromEntries(names.map((name) => [name, `%FILTER_STATE(wasm.trading_${name}:PLAIN)%`]));
const configuration = {
  metrics: { filterState: true },
  operations: [{ name: "place_order", method: "POST", path: "/api/v1/orders" }, { name: "quote" }],
  quotas: [{ name: "orders", operations: ["place_order"], key: [], limit: 1, window: "1h" }],
  budgets: [{ name: "tight", operations: ["quote"], limit: "1us" }],
};
const headers = [
  ["x-trading-symbol", "BTC-USD"],
  ["x-order-type", "limit"],
  ["x-strategy-id", "momentum;.;7"],
  ["x-execution-venue", "NASDAQ"],
  ["x-user-id", "alice"],
] as const;
const dimensions = { symbol: "BTC-USD", order_type: "limit", strategy_id: "momentum___7", venue: "NASDAQ" };

test("an access log line carries symbol, order type, strategy, venue, operation and verdict", async (t) => {
  const { gateway } = await startTraced(t);
  await gateway.send([...headers, ["x-trading-operation", "quote"]]);
  await gateway.send(headers, { method: "POST", path: "/api/v1/orders" });
  await gateway.send(headers, { method: "POST", path: "/api/v1/orders" });
  await gateway.send([["x-want-status", "404"]]);
  const lines = await logLines(gateway, 4);
  assert.deepEqual(
    lines.map(({ symbol, operation, verdict, budget }) => [symbol, operation, verdict, budget]),
    [
      ["BTC-USD", "quote", "ok", "tight"],
      ["BTC-USD", "place_order", "ok", undefined],
      ["BTC-USD", "place_order", "quota_denied", undefined],
      ["none", "other", "client_error", undefined],
    ],
  );
  assert.deepEqual(pick(lines[0], Object.keys(dimensions)), dimensions);
});

test("a span carries the same", async (t) => {
  const { gateway, collector } = await startTraced(t);
  await gateway.send([...headers, ["x-trading-operation", "quote"]]);
  await gateway.send(headers, { method: "POST", path: "/api/v1/orders" });
  await gateway.send(headers, { method: "POST", path: "/api/v1/orders" });
  const spans = await collector.spans(3);
  assert.deepEqual(
    spans.map((tags) => pick(tags, [...Object.keys(dimensions), "operation", "verdict", "budget"])),
    [
      { ...dimensions, operation: "quote", verdict: "ok", budget: "tight" },
      { ...dimensions, operation: "place_order", verdict: "ok" },
      { ...dimensions, operation: "place_order", verdict: "quota_denied" },
    ],
  );
});

test("a gRPC call's status in the trailers is the verdict of its log line", async (t) => {
  const port = await startGrpcUpstream(t, (stream, { ":path": path }) =>
    answerGrpc(stream, path === "/ok" ? 0 : 13),
  );
  const upstream = { ...(await startUpstream(t)), port };
  const { gateway } = await startTraced(t, { upstream, http2Upstream: true });
  await callGrpc(gateway.port, "/ok");
  await callGrpc(gateway.port, "/bad");
  const lines = await logLines(gateway, 2);
  assert.deepEqual(
    lines.map(({ verdict }) => verdict),
    ["ok", "server_error"],
  );
});

test("the user is a keyed hash, the same in every proxy that has the key, and none without", async (t) => {
  const logged: (string | undefined)[] = [];
  for (const key of ["correct horse", "correct horse", "another key", ""]) {
    const { gateway } = await startTraced(t, {
      configuration: { ...configuration, identity: { logKeyEnv: "LOG_KEY" } },
      ...(key !== "" && { filter: { environment: { LOG_KEY: key } } }),
    });
    await gateway.send(headers);
    const [line] = await logLines(gateway, 1);
    assert.ok(!JSON.stringify(line).includes("alice"));
    logged.push(line?.["user"]);
  }
  const [one, same, other, none] = logged;
  assert.match(one ?? "", /^[0-9a-f]{16}$/);
  assert.equal(same, one);
  assert.match(other ?? "", /^[0-9a-f]{16}$/);
  assert.notEqual(other, one);
  assert.equal(none, undefined);
});

test("without metrics.filterState there is none", async (t) => {
  const { gateway } = await startTraced(t, { configuration: {} });
  await gateway.send(headers);
  const [line] = await logLines(gateway, 1);
  assert.deepEqual(line, {});
});

interface Traced {
  readonly gateway: Gateway;
  readonly collector: Collector;
}

async function startTraced(t: TestContext, options: GatewayOptions = {}): Promise<Traced> {
  const collector = await startCollector(t);
  const gateway = await startGateway(t, {
    configuration,
    clusters: [collector.cluster],
    bootstrap: collector.bootstrap,
    listener: { accessLog: [accessLog(formats)], manager: { tracing: collector.tracing(formats) } },
    ...options,
  });
  return { gateway, collector };
}

/** The access log's first lines; what has no filter state is left out. */
async function logLines(gateway: Gateway, count: number): Promise<Record<string, string>[]> {
  const lines = await waitFor(`${count} lines of the access log`, () => {
    const found = gateway.envoy.logs().filter((line) => line.startsWith("{"));
    return found.length >= count ? found : undefined;
  });
  return lines.map((line) => {
    const fields: Record<string, string | null> = JSON.parse(line);
    return Object.fromEntries(
      Object.entries(fields).flatMap(([name, value]) =>
        value === null || value === "-" ? [] : [[name, value]],
      ),
    );
  });
}

function pick(
  from: Readonly<Record<string, string>> | undefined,
  keys: readonly string[],
): Record<string, string> {
  return Object.fromEntries(
    keys.flatMap((key) => {
      const value = from?.[key];
      return value === undefined ? [] : [[key, value]];
    }),
  );
}
