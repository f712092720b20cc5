import assert from "node:assert/strict";
import type { Upstream } from "../../scripts/lib/emulator/index.ts";
import { test } from "./lib/cases.ts";
import { grpcAnswer } from "./lib/traffic.ts";

const HTTP: readonly (readonly [number, string])[] = [
  [200, "ok"],
  [101, "ok"],
  [204, "ok"],
  [302, "ok"],
  [399, "ok"],
  [400, "client_error"],
  [404, "client_error"],
  [429, "client_error"],
  [499, "client_error"],
  [500, "server_error"],
  [503, "server_error"],
  [599, "server_error"],
];

test("the result is the status's class", (given) => {
  const filter = given();
  for (const [status, result] of HTTP) {
    assert.equal(filter.when({ upstream: { status } }).labels["result"], result, String(status));
  }
});

const SERVER_ERRORS = new Set([2, 4, 12, 13, 14, 15]);

test("for gRPC its own status decides, in headers or trailers", (given) => {
  const filter = given();
  for (let status = 0; status <= 16; status++) {
    const wanted = status === 0 ? "ok" : SERVER_ERRORS.has(status) ? "server_error" : "client_error";
    for (const place of ["headers", "trailers"] as const) {
      const { labels } = filter.when({ upstream: grpcAnswer(String(status), place) });
      assert.equal(labels["result"], wanted, `${status} in ${place}`);
    }
  }
});

test("all of application/grpc* is gRPC, and nothing else", (given) => {
  const filter = given();
  const resultOf = (type: string) =>
    filter.when({ upstream: grpcAnswer("13", "headers", type) }).labels["result"];
  for (const type of ["application/grpc+proto", "application/grpc-web", "application/grpc; charset=utf-8"]) {
    assert.equal(resultOf(type), "server_error", type);
  }
  for (const type of ["application/json", "application/grp", "text/application/grpc", ""]) {
    assert.equal(resultOf(type), "ok", type);
  }
});

test("a gRPC status that can't be read is unknown; without any, the HTTP status decides", (given) => {
  const filter = given();
  const headers = { "content-type": "application/grpc" };
  const cases: [Upstream, string][] = [
    [{ headers }, "ok"],
    [{ headers, status: 503 }, "server_error"],
    [{ headers, body: "x", trailers: { "grpc-message": "x" } }, "ok"],
    [grpcAnswer("x", "trailers"), "server_error"],
    [grpcAnswer("", "trailers"), "server_error"],
    [grpcAnswer("-1", "headers"), "server_error"],
    [grpcAnswer("4294967296", "trailers"), "server_error"],
    [grpcAnswer("99", "trailers"), "server_error"],
  ];
  for (const [upstream, result] of cases) {
    assert.equal(filter.when({ upstream }).labels["result"], result, JSON.stringify(upstream));
  }
});

test("a stream that never had a response is aborted; a later disconnect keeps the class", (given) => {
  const filter = given();
  const resultOf = (upstream: Upstream) => filter.when({ upstream }).labels["result"];
  assert.equal(resultOf({ kind: "disconnect", delayMicros: 10 }), "aborted");
  assert.equal(resultOf({ kind: "disconnect_in_body", status: 200 }), "ok");
  assert.equal(resultOf({ kind: "disconnect_in_body", status: 404 }), "client_error");
  const grpc = { ":status": "200", "content-type": "application/grpc" };
  assert.equal(resultOf({ kind: "disconnect_in_body", headers: grpc }), "ok");
});

test("what Envoy answers in the upstream's place counts by its status", (given) => {
  const filter = given();
  const reset = filter.when({ upstream: { kind: "reset", delayMicros: 5 } });
  assert.deepEqual([reset.labels["result"], reset.seen.status], ["server_error", 503]);
  const reply = filter.when({ upstream: { kind: "reply", reply: { status: 404, body: "no route" } } });
  assert.equal(reply.labels["result"], "client_error");
});

test("durations are whole microseconds, from the request's headers to the stream's end", (given) => {
  const filter = given();
  const microsOf = (delayMicros: number, bodyMicros = 0) =>
    filter.when({ upstream: { delayMicros, body: "x", bodyMicros } }).micros;
  assert.deepEqual(microsOf(0), [0]);
  assert.deepEqual(microsOf(0.999), [0]);
  assert.deepEqual(microsOf(1), [1]);
  assert.deepEqual(microsOf(1234.567), [1234]);
  assert.deepEqual(microsOf(800, 200), [1000]);
});

test("a day, a year and the largest clock are recorded as they are", (given) => {
  const filter = given();
  for (const nanos of [86_400_000_000_000n, 31_536_000_000_000_000n, 2n ** 63n]) {
    const stream = filter.plugin.worker().stream();
    const { clock } = filter.proxy;
    const now = clock.monotonicNanos;
    stream.requestHeaders({ ":path": "/" });
    clock.monotonicNanos = now + nanos;
    stream.responseHeaders({ ":status": "200" });
    stream.end();
    clock.monotonicNanos = now;
    assert.equal(filter.proxy.stats.values("trading_request_duration_us").at(-1), Number(nanos / 1000n));
  }
});

test("a clock that goes back makes 0 and a failure", (given) => {
  const filter = given();
  const { clock } = filter.proxy;
  const stream = filter.plugin.worker().stream();
  stream.requestHeaders({ ":path": "/" });
  clock.monotonicNanos -= 5_000_000n;
  stream.responseHeaders({ ":status": "200" });
  stream.end();
  clock.monotonicNanos += 5_000_000n;
  filter.tick();
  assert.deepEqual(filter.proxy.stats.values("trading_request_duration_us"), [0]);
  assert.deepEqual([filter.failures("clock"), filter.failures()], [1, 1]);
  assert.equal(filter.requests({ result: "ok" }), 1);
});

test("durations carry the labels they are told to", (given) => {
  const filter = given({ metrics: { durationLabels: ["result", "symbol", "operation"] } });
  filter.when({ headers: { "x-trading-symbol": "BTC" }, upstream: { status: 500, delayMicros: 7 } });
  const [series] = filter.proxy.stats.series("trading_request_duration_us");
  assert.deepEqual(series?.labels, { result: "server_error", symbol: "BTC", operation: "none" });
  assert.deepEqual(series.values, [7]);
});
