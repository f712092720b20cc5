import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test, type TestContext } from "node:test";
import { canaryName } from "../../deploy/tool/cluster/canaries.ts";
import type { Cluster } from "../../deploy/tool/cluster/connect.ts";
import { readHistory } from "../../deploy/tool/cluster/history.ts";
import { applyPlugin, readPlugin, type WasmPluginSpec } from "../../deploy/tool/cluster/plugins.ts";
import { trackLabel } from "../../deploy/tool/cluster/pods.ts";
import { pluginOf, renderPlugin } from "../../deploy/tool/cluster/render.ts";
import { resources } from "../../deploy/tool/cluster/resources.ts";
import { openPodAccess } from "../../deploy/tool/dataplane/access.ts";
import type { Session } from "../../deploy/tool/delivery/session.ts";
import { podMetrics } from "../../deploy/tool/metrics/pod-metrics.ts";
import { begin, prepare } from "../../deploy/tool/rollout/begin.ts";
import { readRollout } from "../../deploy/tool/rollout/canary.ts";
import { takeClaim } from "../../deploy/tool/rollout/claim.ts";
import { clusterPort, podsOf } from "../../deploy/tool/rollout/cluster-port.ts";
import { drive, type Ending } from "../../deploy/tool/rollout/driver.ts";
import type { Plan } from "../../deploy/tool/rollout/plan.ts";
import { defaultThresholds } from "../../deploy/tool/rollout/verdict.ts";
import { freePort } from "../../scripts/lib/ports.ts";
import { FakeSidecars, type Treatment } from "./fake-sidecars.ts";
import { memoryCluster } from "./memory-cluster.ts";

// 20 pods whose admin interfaces are served here; the cluster is in memory; the clock is the real one.

const namespace = "trading";
const plan: Plan = {
  strategy: "canary",
  steps: [5, 50, 100],
  windowMillis: 1000,
  maxWindowMillis: 5000,
  settleMillis: 200,
  timeoutMillis: 20_000,
  approval: "auto",
  onDoubt: "rollback",
  thresholds: defaultThresholds,
};

interface Scene {
  readonly session: Session;
  readonly sidecars: FakeSidecars;
}

async function scene(t: TestContext, pods: number): Promise<Scene> {
  const cluster = memoryCluster(namespace);
  const port = await freePort();
  const addresses = Array.from({ length: pods }, (_, index) => ({
    name: `engine-${String(index).padStart(2, "0")}`,
    address: `127.0.77.${index + 1}`,
  }));
  for (const { name, address } of addresses) await createPod(cluster, name, address);
  const at = { namespace, name: "tickgate" };
  await applyPlugin(cluster, renderPlugin(at, undefined, { image: imageOf("old"), config: {} }));
  const sidecars = await FakeSidecars.start({
    cluster,
    pods: addresses,
    port,
    treat,
    requestsPerSecond: 500,
  });
  t.after(() => sidecars.stop());
  const access = openPodAccess(cluster, { mode: "direct", ports: { admin: port, stats: port } });
  // Nobody answers there: a rollout goes on without istiod's words.
  const istiod = `http://127.0.0.1:${await freePort()}`;
  return { session: { cluster, access, timeoutMillis: 10_000, istiod }, sidecars };
}

async function createPod(cluster: Cluster, name: string, address: string): Promise<void> {
  const body = {
    metadata: { name, namespace, labels: { [trackLabel]: "stable" } },
    spec: { containers: [{ name: "istio-proxy" }] },
    status: { phase: "Running", podIP: address, conditions: [{ type: "Ready", status: "True" }] },
  };
  await cluster.request({ verb: "create", resource: resources.pods, namespace, body });
}

function imageOf(version: string): string {
  return `oci://registry.test/tickgate-${version}@sha256:${createHash("sha256").update(version).digest("hex")}`;
}

async function rollOut({ session }: Scene, image: string): Promise<Ending> {
  const change = { image, config: undefined };
  const prepared = await prepare(session, "tickgate", change, { plan, force: false });
  assert.ok(prepared !== undefined);
  const target = await begin(session, "tickgate", prepared);
  const claim = await takeClaim(session.cluster, "tickgate");
  assert.ok(claim !== undefined);
  const { signal } = new AbortController();
  const metrics = podMetrics(session.access, "tickgate");
  const port = clusterPort({
    session,
    plugin: "tickgate",
    canary: canaryName("tickgate", prepared.state.id),
    target,
    original: prepared.state.original,
    metrics,
    claim,
    by: "test",
    force: false,
    signal,
  });
  const lines: string[] = [];
  return drive(port, prepared.state, { approvalMillis: 1, report: (line) => lines.push(line) });
}

const treatments: Readonly<Record<string, Treatment>> = {
  old: {},
  good: { micros: 450 },
  trapping: { traps: true },
  slow: { micros: 5000 },
  failing: { errors: 0.05 },
  denying: { denials: 0.3 },
};

function treat({ url }: WasmPluginSpec): Treatment {
  const [, version = ""] = /tickgate-(\w+)@/.exec(url) ?? [];
  return treatments[version] ?? {};
}

test(
  "20 pods: a good version reaches all of them and is the stable one then",
  { timeout: 120_000 },
  async (t) => {
    const all = await scene(t, 20);
    const ending = await rollOut(all, imageOf("good"));
    assert.equal(ending.result, "promoted", ending.reason);
    assert.deepEqual(new Set(all.sidecars.images()), new Set([imageOf("good")]));
    const { cluster } = all.session;
    assert.equal((await readPlugin(cluster, "tickgate"))?.spec.url, imageOf("good"));
    assert.equal(await readRollout(cluster, "tickgate"), undefined);
    assert.deepEqual(
      (await readHistory(cluster, "tickgate")).map(({ image, result }) => [image, result]),
      [[imageOf("good"), "running"]],
    );
  },
);

for (const [version, reason] of [
  ["trapping", /the filter traps|errors as Envoy counts them: .*5 points more are allowed/],
  ["slow", /time in the filter, p50: /],
  ["failing", /errors: .* old version 0 %/],
  ["denying", /quota denials: .*most: orders/],
] as const) {
  test(
    `20 pods: a ${version} version goes back before a second pod gets it`,
    { timeout: 120_000 },
    async (t) => {
      const all = await scene(t, 20);
      const ending = await rollOut(all, imageOf(version));
      assert.equal(ending.result, "rolled-back");
      assert.match(ending.reason, reason);
      assert.equal(ending.state.step, 0);
      assert.deepEqual(new Set(all.sidecars.images()), new Set([imageOf("old")]));
      const { cluster } = all.session;
      const pods = await podsOf(all.session, pluginOf({ namespace, name: "tickgate" }, { url: "x" }).spec);
      assert.ok(pods.every(({ labels }) => labels[trackLabel] === "stable"));
      const [entry] = await readHistory(cluster, "tickgate");
      assert.equal(entry?.result, "rolled-back");
      assert.match(entry?.note ?? "", reason);
    },
  );
}
