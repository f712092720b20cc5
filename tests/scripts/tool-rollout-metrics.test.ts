import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test, type TestContext } from "node:test";
import type { Pod } from "../../deploy/tool/cluster/pods.ts";
import { accessThrough } from "../../deploy/tool/dataplane/access.ts";
import type { PodReply } from "../../deploy/tool/dataplane/transport.ts";
import { countsOf, countsSince, noCounts, sumCounts, type Counts } from "../../deploy/tool/metrics/counts.ts";
import {
  addDistributions,
  countAbove,
  distributionSince,
  quantileOf,
} from "../../deploy/tool/metrics/distribution.ts";
import { podMetrics } from "../../deploy/tool/metrics/pod-metrics.ts";
import { prometheusMetrics } from "../../deploy/tool/metrics/prometheus.ts";
import { freePort } from "../../scripts/lib/ports.ts";
import { parseMetrics } from "../../scripts/lib/prometheus.ts";

const filter = `
trading_requests_total{symbol="BTC-USD",operation="place_order",result="ok"} 90
trading_requests_total{symbol="BTC-USD",operation="place_order",result="server_error"} 3
trading_requests_total{symbol="ETH-USD",operation="quote",result="failed"} 2
trading_requests_total{symbol="ETH-USD",operation="quote",result="quota_denied"} 5
trading_quota_decisions_total{quota="orders",decision="allowed"} 95
trading_quota_decisions_total{quota="orders",decision="denied"} 5
trading_quota_decisions_total{quota="orders",decision="shadow_denied"} 7
tickgate_failures_total{reason="store"} 2
trading_request_duration_us_bucket{operation="quote",le="100"} 40
trading_request_duration_us_bucket{operation="quote",le="+Inf"} 50
trading_request_duration_us_count{operation="quote"} 50
trading_request_duration_us_bucket{operation="place_order",le="100"} 10
trading_request_duration_us_bucket{operation="place_order",le="+Inf"} 50
trading_request_duration_us_count{operation="place_order"} 50
envoy_wasm_trading_tickgate_vm_reload_success{} 1
envoy_wasm_trading_tickgate_vm_reload_backoff{} 4
envoy_wasm_trading_other_vm_reload_success{} 9
envoy_wasm_remote_load_fetch_failures{} 3
`;

const envoy = `
envoy_http_downstream_rq_xx{envoy_response_code_class="2",envoy_http_conn_manager_prefix="admin"} 70
envoy_http_downstream_rq_xx{envoy_response_code_class="2",envoy_http_conn_manager_prefix="trading"} 95
envoy_http_downstream_rq_xx{envoy_response_code_class="5",envoy_http_conn_manager_prefix="trading"} 5
envoy_http_downstream_rq_time_bucket{envoy_http_conn_manager_prefix="trading",le="5"} 98
envoy_http_downstream_rq_time_bucket{envoy_http_conn_manager_prefix="trading",le="+Inf"} 100
envoy_http_downstream_rq_time_count{envoy_http_conn_manager_prefix="trading"} 100
`;

// As Istio's bootstrap cuts them; calls to others stand beside those that come in.
const sidecar = `
envoy_http_downstream_rq{response_code_class="2xx",http_conn_manager_prefix="outbound_0.0.0.0_80"} 1000
envoy_http_downstream_rq{response_code_class="5xx",http_conn_manager_prefix="outbound_0.0.0.0_80"} 1000
envoy_http_downstream_rq{response_code_class="2xx",http_conn_manager_prefix="inbound_0.0.0.0_8080"} 90
envoy_http_downstream_rq{response_code_class="4xx",http_conn_manager_prefix="inbound_0.0.0.0_8080"} 7
envoy_http_downstream_rq{response_code_class="5xx",http_conn_manager_prefix="inbound_0.0.0.0_8080"} 3
envoy_http_rbac{authz_enforce_result="denied",http_conn_manager_prefix="inbound_0.0.0.0_8080"} 2
envoy_http_rbac{authz_enforce_result="allowed",http_conn_manager_prefix="inbound_0.0.0.0_8080"} 90
envoy_http_downstream_rq_time_count{http_conn_manager_prefix="inbound_0.0.0.0_8080"} 100
`;

const istio = `
istio_requests_total{reporter="source",response_code="503"} 900
istio_requests_total{reporter="destination",response_code="200"} 90
istio_requests_total{reporter="destination",response_code="403"} 4
istio_requests_total{reporter="destination",response_code="503"} 6
`;

function counted(text: string): Counts {
  return countsOf(parseMetrics(text), "tickgate");
}

test("the filter's own counters", () => {
  const { proxy, durationMicros, ...rest } = counted(filter);
  assert.equal(proxy, undefined);
  assert.deepEqual(durationMicros, { bounds: [100], counts: [50], total: 100 });
  assert.deepEqual(rest, {
    requests: 100,
    errors: 5,
    denied: { orders: 5 },
    failures: { store: 2 },
    vmReloads: 5,
  });
});

test("Envoy's own counters, in whichever spelling there is", () => {
  const of = (text: string): readonly [number | undefined, number | undefined] => {
    const { proxy } = counted(text);
    return [proxy?.requests, proxy?.errors];
  };
  assert.deepEqual(of(envoy), [100, 5]);
  assert.deepEqual(of(sidecar), [100, 5]);
  assert.deepEqual(of(istio), [100, 10]);
  assert.deepEqual(of(""), [undefined, undefined]);
  assert.equal(counted(envoy).proxy?.durationMillis.total, 100);
});

test("what was counted since, also by a proxy that started anew", () => {
  const before = counted(filter + envoy);
  const after = counted(
    (filter + envoy).replace('result="ok"} 90', 'result="ok"} 100').replace("backoff{} 4", "backoff{} 6"),
  );
  const since = countsSince(before, after);
  assert.equal(since.requests, 10);
  assert.equal(since.errors, 0);
  assert.deepEqual(since.denied, {});
  assert.equal(since.vmReloads, 2);
  assert.equal(since.durationMicros.total, 0);
  assert.deepEqual(countsSince(after, before), before, "restarted: all of it is new");
  assert.deepEqual(countsSince(noCounts, before), before);
});

test("several pods together; a pod that nothing has reached has none of Istio's series yet", () => {
  const both = sumCounts([counted(filter + envoy), counted(filter + envoy)]);
  assert.equal(both.requests, 200);
  assert.deepEqual(both.denied, { orders: 10 });
  assert.equal(both.proxy?.errors, 10);
  for (const pods of [
    [counted(istio), counted("")],
    [counted(""), counted(istio)],
  ]) {
    assert.equal(sumCounts(pods).proxy?.requests, 100);
    assert.equal(sumCounts(pods).proxy?.errors, 10);
  }
  assert.equal(sumCounts([counted(filter), counted(filter)]).proxy, undefined);
  assert.deepEqual(sumCounts([]), noCounts);
});

test("distributions: pods with other buckets, and empty ones", () => {
  const a = { bounds: [1, 2, 5], counts: [1, 2, 3], total: 4 };
  const b = { bounds: [2, 5, 9], counts: [10, 20, 30], total: 40 };
  const empty = { bounds: [], counts: [], total: 0 };
  assert.deepEqual(addDistributions(a, b), { bounds: [2, 5], counts: [12, 23], total: 44 });
  assert.deepEqual(addDistributions(a, empty), a);
  assert.deepEqual(distributionSince(a, { ...a, counts: [1, 3, 5], total: 7 }), {
    bounds: [1, 2, 5],
    counts: [0, 1, 2],
    total: 3,
  });
  assert.deepEqual(distributionSince(b, a), a);
  assert.equal(countAbove(a, 2), 2);
  assert.equal(countAbove(a, 3), undefined);
  assert.ok(Number.isNaN(quantileOf(0.5, empty)));
  assert.equal(quantileOf(0.5, a), 2);
});

function pod(name: string): Pod {
  return { namespace: "trading", name, address: "127.0.0.1", labels: {}, ready: true };
}

function onlyA({ name }: Pod): Promise<PodReply> {
  if (name !== "a") return Promise.reject(new Error("refused"));
  return Promise.resolve({ status: 200, body: filter });
}

test("the pods themselves: one that does not answer is named with the reason", async () => {
  const access = accessThrough(onlyA, { mode: "direct", ports: { admin: 1, stats: 1 } });
  const reading = await podMetrics(access, "tickgate").read(["a", "b"].map(pod));
  assert.equal(reading.pods.get("a")?.counts.requests, 100);
  assert.match(reading.missing.get("b") ?? "", /refused/);
});

interface Asked {
  readonly query: string;
  readonly authorization: string | undefined;
}

/** Answers instant queries with what `filter` and `envoy` are after the sum, for pods `a` and `b`. */
async function fakePrometheus(t: TestContext, asked: Asked[]): Promise<string> {
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString("utf8")));
    request.once("end", () => {
      const query = new URLSearchParams(body).get("query") ?? "";
      asked.push({ query, authorization: request.headers.authorization });
      response.setHeader("content-type", "application/json");
      response.end(
        JSON.stringify({ status: "success", data: { resultType: "vector", result: answer(query) } }),
      );
    });
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  t.after(() => server.close());
  return `127.0.0.1:${port}`;
}

function answer(query: string): unknown[] {
  if (query.includes("timestamp("))
    return ["a", "b"].map((name) => ({ metric: { pod: name }, value: [0, "1700000000.5"] }));
  const metrics = parseMetrics(filter + envoy);
  return metrics.names().flatMap((name) =>
    metrics.samples(name).map(({ labels: { symbol: _summedAway, ...labels }, value }) => ({
      metric: { __name__: name, pod: "a", ...labels },
      value: [0, String(value)],
    })),
  );
}

test("Prometheus: the same figures, with the time of the scrape; dimensions stay there", async (t) => {
  const asked: Asked[] = [];
  const host = await fakePrometheus(t, asked);
  const options = { podLabel: "pod", namespaceLabel: "ns", matchers: 'cluster="eu"', plugin: "tickgate" };
  const source = prometheusMetrics({ ...options, url: `http://me:secret@${host}/` });
  const reading = await source.read(["a", "b", "x.y"].map(pod));
  assert.deepEqual(reading.pods.get("a"), { counts: counted(filter + envoy), atMillis: 1_700_000_000_500 });
  assert.match(reading.missing.get("b") ?? "", /no series/);
  assert.equal(asked.length, 2);
  for (const { query, authorization } of asked) {
    assert.ok(query.includes(String.raw`pod=~"a|b|x\\.y",ns="trading",cluster="eu"`), query);
    assert.ok(!query.includes("symbol"));
    assert.equal(authorization, `Basic ${Buffer.from("me:secret").toString("base64")}`);
  }
  assert.ok(!source.description.includes("secret"));
});

test("Prometheus without a label for namespaces: only when it is said so", async (t) => {
  const asked: Asked[] = [];
  const url = `http://${await fakePrometheus(t, asked)}`;
  const options = { url, podLabel: "pod", matchers: "", plugin: "tickgate" };
  for (const namespaceLabel of ["namespace", ""])
    await prometheusMetrics({ ...options, namespaceLabel }).read([pod("a")]);
  const matched = asked.map(({ query }) => /\{[^}]*(pod=~[^}]*)\}/.exec(query)?.[1]);
  assert.deepEqual(new Set(matched.slice(0, 2)), new Set(['pod=~"a",namespace="trading"']));
  assert.deepEqual(new Set(matched.slice(2)), new Set(['pod=~"a"']));
});

test("Prometheus that is not there: every pod is missing, with the reason and without the password", async () => {
  const source = prometheusMetrics({
    url: "http://me:secret@127.0.0.1:1",
    podLabel: "pod",
    namespaceLabel: "namespace",
    matchers: "",
    plugin: "t",
  });
  const { pods, missing } = await source.read([pod("a")]);
  assert.equal(pods.size, 0);
  assert.match(missing.get("a") ?? "", /Prometheus at 127\.0\.0\.1:1: /);
  assert.doesNotMatch(missing.get("a") ?? "", /secret/);
});
