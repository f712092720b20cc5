import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readHistory } from "../../deploy/tool/cluster/history.ts";
import { readPlugin } from "../../deploy/tool/cluster/plugins.ts";
import { parseJson } from "../../deploy/tool/json.ts";
import { root } from "../../scripts/lib/paths.ts";
import { waitFor } from "../../scripts/lib/process.ts";
import { Mesh, type MeshPod } from "./lib/mesh.ts";
import { olderFilter } from "./lib/older-filter.ts";
import { runTickgate } from "./lib/tickgate.ts";

// From the module to the labels in the sidecar's metrics, and through updates. The tests run one after the other.
const filter = join(root, "build/tickgate.wasm");
const selector = ["--selector", "app=trading-engine"] as const;
const order = {
  method: "POST",
  path: "/api/v1/orders?x=1",
  headers: {
    "x-trading-symbol": "btc-usd",
    "x-order-type": "LIMIT",
    "x-strategy-id": "momentum_7",
    "x-execution-venue": "NASDAQ",
    "x-user-id": "alice",
  },
};
const other = { ...order, headers: { ...order.headers, "x-user-id": "bob" } };
const configuration = {
  operations: [{ name: "place_order", method: "POST", path: "/api/v1/orders" }],
  dimensions: [
    { label: "symbol", header: "x-trading-symbol", case: "upper" },
    { label: "order_type", header: "x-order-type", case: "lower", values: ["market", "limit"] },
    { label: "strategy_id", header: "x-strategy-id" },
    { label: "venue", header: "x-execution-venue" },
  ],
  quotas: [{ name: "orders", operations: ["place_order"], key: ["user"], limit: 5, window: "1h" }],
};
const labels = { symbol: "BTC-USD", order_type: "limit", strategy_id: "momentum_7", venue: "NASDAQ" };

const durations = ["bucket", "sum", "count"].map((part) => `trading_request_duration_us_${part}`);
const totals = [
  "trading_requests",
  "trading_quota_decisions",
  "tickgate_failures",
  "tickgate_series_overflow",
];
const stores = ["tickgate_store_retries_total", "tickgate_store_evictions_total"];
const gauges = ["build_info", "config_info", "config_ok", "series"].map((name) => `tickgate_${name}`);
/** What there may be when there are quotas, but no budgets and stages. */
const known = new Set([
  ...totals.map((name) => `${name}_total`),
  ...durations,
  ...stores,
  ...gauges,
  "trading_active_users",
]);

let mesh: Mesh;
let stop: (() => Promise<void>) | undefined;
let pod: MeshPod;

before(async () => {
  mesh = await Mesh.start();
  stop = () => mesh.stop();
  pod = await mesh.startPod({ name: "engine-0", address: "127.0.0.21" });
});

after(() => stop?.());

interface Packaged {
  readonly url: string;
  readonly digest: string;
}

/** `tickgate package --push`: what it prints. */
async function packaged(layout: string): Promise<Packaged> {
  const reference = `${mesh.registry.host}/trading/${layout}:1.0`;
  const args = ["package", filter, "--layout", layout, "--push", reference, "--insecure", "--output", "json"];
  const { code, stdout, stderr } = await runTickgate(mesh.api.kubernetes.kubeconfig, ...args);
  assert.equal(code, 0, stderr);
  return parseJson<Packaged>(stdout);
}

async function deploy(...args: readonly string[]): Promise<string> {
  const { code, stderr } = await mesh.tickgate("deploy", ...args, "--insecure");
  assert.equal(code, 0, stderr);
  return stderr;
}

/** What the sidecar has counted of orders, by result and quota decision. */
async function counts(): Promise<Record<string, number>> {
  const metrics = await pod.scrape();
  const sums = [
    ...metrics.sumBy("trading_requests_total", "result"),
    ...metrics.sumBy("trading_quota_decisions_total", "decision"),
  ];
  return Object.fromEntries(sums.filter(([, sum]) => sum > 0));
}

/** Hash of the configuration that runs. For a moment after an update there may be none. */
function configHash(): Promise<string> {
  return waitFor("the filter said which configuration runs", async () => {
    const infos = (await pod.scrape()).samples("tickgate_config_info");
    return infos.find(({ value }) => value === 1)?.labels["config"];
  });
}

test("package, push, deploy: the agent pulls the image, Envoy runs it, the labels are in the sidecar's metrics", async () => {
  const { url, digest } = await packaged("compat");
  await deploy("--image", url, ...selector, "--config", await mesh.configFile(configuration));
  assert.equal(await pod.send(order), 200);
  await waitFor("the request was counted", async () => ((await counts())["ok"] === 1 ? true : undefined));

  const metrics = await pod.scrape();
  assert.deepEqual(metrics.samples("trading_requests_total"), [
    { labels: { ...labels, operation: "place_order", result: "ok" }, value: 1 },
  ]);
  assert.deepEqual(metrics.samples("trading_quota_decisions_total", { decision: "allowed" }), [
    { labels: { quota: "orders", decision: "allowed" }, value: 1 },
  ]);
  assert.deepEqual(metrics.samples("tickgate_build_info"), [{ labels: { version: "0_1_0" }, value: 1 }]);
  assert.equal(metrics.value("tickgate_config_ok"), 1);
  const bounds = metrics.samples("trading_request_duration_us_bucket").map(({ labels: { le } }) => le);
  assert.ok(bounds.includes("800"), `buckets: ${bounds.join(" ")}`);
  const strange = metrics.names().filter((name) => /^(trading|tickgate)_/.test(name) && !known.has(name));
  assert.deepEqual(strange, [], "names that the contract does not have, such as those with labels inside");

  const dump = await pod.admin("/config_dump?resource=ecds_filters");
  assert.match(dump, new RegExp(`/var/lib/istio/data/.*${digest.replace("sha256:", "")}\\.wasm`));
});

test("the other layout of the image, with the same module in it: pulled too, nothing starts anew", async () => {
  const { url } = await packaged("oci-artifact");
  await deploy("--image", url);
  assert.equal((await readPlugin(mesh.api.admin, "tickgate"))?.spec.url, url);
  assert.equal((await counts())["ok"], 1);
  assert.equal(await pod.send(order), 200);
  await waitFor("the request was counted", async () => ((await counts())["ok"] === 2 ? true : undefined));
});

test("a new configuration takes effect without a restart: counters and the quota's state live on", async () => {
  const old = await configHash();
  const next = { ...configuration, budgets: [{ name: "orders", limit: "10s" }] };
  await deploy("--config", await mesh.configFile(next));
  assert.notEqual(await configHash(), old);
  // Two of the five were spent under the old configuration.
  const statuses = [];
  for (let i = 0; i < 5; i++) statuses.push(await pod.send(order));
  assert.deepEqual(statuses, [200, 200, 200, 429, 429]);
  await waitFor("all were counted", async () => ((await counts())["quota_denied"] === 2 ? true : undefined));
  assert.deepEqual(await counts(), { ok: 5, quota_denied: 2, allowed: 5, denied: 2 });
  assert.equal((await pod.scrape()).sum("trading_budget_requests_total"), 3);
});

/** Sends orders of another user without a pause until `until` is done, and returns the statuses in their order. */
async function statusesDuring(until: Promise<unknown>): Promise<number[]> {
  const statuses: number[] = [];
  const state = { done: false };
  const finished = until.finally(() => (state.done = true));
  while (!state.done) statuses.push(await pod.send(other));
  await finished;
  return statuses;
}

test("a configuration that the deployed module refuses: deploy tells the proxy's words, no request notices, rollback", async () => {
  const older = await mesh.registry.push(olderFilter(await readFile(filter)), "0.0.9");
  await deploy("--image", older);
  assert.equal(await pod.send(order), 429, "another module's VM finds the store as it was");
  const hash = await configHash();

  const newer = { ...configuration, violationLog: { perSecond: 1 } };
  const deploying = mesh.tickgate(
    "deploy",
    "--config",
    await mesh.configFile(newer),
    "--insecure",
    "--istiod",
    mesh.istiod.monitoringUrl,
  );
  const statuses = await statusesDuring(deploying);
  const { code, stderr } = await deploying;
  assert.equal(code, 1, stderr);
  assert.match(stderr, /engine-0 refused configuration [0-9a-f]{8} or its module, and still runs/);
  assert.match(stderr, /Unable to create Wasm plugin trading\.tickgate/);
  assert.match(stderr, /hint: tickgate rollback/);
  assert.ok(await mesh.istiod.refusalOf("engine-0"));
  assert.ok(pod.lines().some((line) => line.includes("violationLog")));
  assert.equal(await configHash(), hash);
  assert.ok(statuses.length > 20, `${statuses.length} requests`);
  assert.deepEqual([...new Set(statuses)], [200, 429], "a new user's five, then refusals by the quota alone");
  assert.equal(statuses.filter((status) => status === 200).length, 5);
  assert.equal((await readHistory(mesh.api.admin, "tickgate")).at(-1)?.result, "failed");

  const back = await mesh.tickgate("rollback");
  assert.equal(back.code, 0, back.stderr);
  assert.equal(await configHash(), hash);
  assert.equal(await pod.send(other), 429, "the quota's state outlived both");
  assert.equal(await mesh.istiod.refusalOf("engine-0"), undefined);
});

test("a broken configuration, put in past the tool: refused, told, taken back", async () => {
  await mesh.edit({ pluginConfig: { quotas: [{ name: "orders", limit: -1 }] } });
  const words = await waitFor("the proxy refused it", () => mesh.istiod.refusalOf("engine-0"));
  assert.match(words, /Unable to create Wasm plugin/);
  assert.equal(await pod.send(order), 429);
  const again = await mesh.tickgate("deploy");
  assert.equal(again.code, 1);
  assert.match(
    again.stderr,
    /refuse the configuration in the cluster:\n {2}quotas\[0\]\.limit: -1 is not in/,
  );
  const owned = await mesh.tickgate("rollback");
  assert.equal(owned.code, 1);
  assert.match(owned.stderr, /spec\.pluginConfig\S* is owned by kubectl-edit/);
  const back = await mesh.tickgate("rollback", "--force-conflicts");
  assert.equal(back.code, 0, back.stderr);
  assert.equal(await pod.send(order), 429);
  assert.equal(await mesh.istiod.refusalOf("engine-0"), undefined);
});
