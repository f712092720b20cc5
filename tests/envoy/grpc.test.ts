import assert from "node:assert/strict";
import { test } from "node:test";
import { answerGrpc, callGrpc, startGrpcUpstream, type GrpcHandler } from "./lib/grpc.ts";
import { startGateway } from "./lib/gateway.ts";
import { startUpstream } from "./lib/upstream.ts";

const handler: GrpcHandler = (stream, headers) => {
  const [, kind, status] = (headers[":path"] ?? "").split("/");
  if (kind === "trailers") answerGrpc(stream, Number(status));
  else if (kind === "headers")
    stream.respond(
      { ":status": 200, "content-type": "application/grpc", "grpc-status": status },
      { endStream: true },
    );
  else if (kind === "reset") stream.close(2);
};

const cases: [string, string][] = [
  ["/trailers/0", "ok"],
  ["/trailers/3", "client_error"],
  ["/trailers/8", "client_error"],
  ["/trailers/14", "server_error"],
  ["/headers/0", "ok"],
  ["/headers/5", "client_error"],
  ["/headers/13", "server_error"],
];

/** The strategy that stands for a path. */
function labelOf(path: string): string {
  return path.slice(1).replace("/", "-");
}

async function startGrpcGateway(t: Parameters<typeof startGateway>[0], configuration?: unknown) {
  const port = await startGrpcUpstream(t, handler);
  const upstream = { ...(await startUpstream(t)), port };
  return startGateway(t, {
    upstream,
    http2Upstream: true,
    ...(configuration !== undefined && { configuration }),
  });
}

test("the gRPC status decides the result, in the trailers or in the headers", async (t) => {
  const gateway = await startGrpcGateway(t);
  for (const [path] of cases) {
    const { status } = await callGrpc(gateway.port, path, {
      "x-trading-symbol": "BTC-USD",
      "x-strategy-id": labelOf(path),
    });
    assert.equal(status, Number(path.split("/")[2]), path);
  }
  const metrics = await gateway.counted(cases.length);
  const seen = metrics
    .samples("trading_requests_total")
    .map(({ labels }) => [labels.strategy_id ?? "", labels.result] as const);
  assert.deepEqual(new Map(seen), new Map(cases.map(([path, result]) => [labelOf(path), result])));
});

test("a gRPC call that the upstream resets is a server error", async (t) => {
  const gateway = await startGrpcGateway(t);
  const { status } = await callGrpc(gateway.port, "/reset");
  assert.equal(status, 14);
  const metrics = await gateway.counted(1);
  assert.equal(metrics.sum("trading_requests_total", { result: "server_error" }), 1);
});

test("two copies of a header of an HTTP/2 request are seen as two", async (t) => {
  const gateway = await startGrpcGateway(t);
  await callGrpc(gateway.port, "/trailers/0", { "x-trading-symbol": ["BTC-USD", "ETH-USD"] });
  const metrics = await gateway.counted(1);
  assert.equal(metrics.sum("trading_requests_total", { symbol: "other" }), 1);
});

test("a gRPC call over quota gets RESOURCE_EXHAUSTED without a body", async (t) => {
  const gateway = await startGrpcGateway(t, { quotas: [{ name: "all", key: [], limit: 1, window: "1h" }] });
  assert.equal((await callGrpc(gateway.port, "/trailers/0")).status, 0);
  const refused = await callGrpc(gateway.port, "/trailers/0");
  assert.equal(refused.status, 8);
  assert.equal(refused.headers["content-type"], "application/grpc");
  const metrics = await gateway.counted(2);
  assert.equal(metrics.sum("trading_requests_total", { result: "quota_denied" }), 1);
  const decisions = metrics.sumBy("trading_quota_decisions_total", "decision");
  assert.deepEqual([decisions.get("allowed"), decisions.get("denied")], [1, 1]);
});
