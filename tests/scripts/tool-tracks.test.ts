import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { canaryName } from "../../deploy/tool/cluster/canaries.ts";
import type { Cluster } from "../../deploy/tool/cluster/connect.ts";
import { applyPlugin, type WasmPlugin } from "../../deploy/tool/cluster/plugins.ts";
import { trackLabel } from "../../deploy/tool/cluster/pods.ts";
import { pluginOf, renderPlugin } from "../../deploy/tool/cluster/render.ts";
import { resources } from "../../deploy/tool/cluster/resources.ts";
import { openPodAccess } from "../../deploy/tool/dataplane/access.ts";
import type { Session } from "../../deploy/tool/delivery/session.ts";
import { describeStatus, readStatus, type StatusReport } from "../../deploy/tool/delivery/status.ts";
import type { Finding } from "../../deploy/tool/doctor/finding.ts";
import { checkPods } from "../../deploy/tool/doctor/pods.ts";
import { onTrack } from "../../deploy/tool/rollout/canary.ts";
import { freePort } from "../../scripts/lib/ports.ts";
import { waitFor } from "../../scripts/lib/process.ts";
import { FakeSidecars, type Treatment } from "./fake-sidecars.ts";
import { memoryCluster } from "./memory-cluster.ts";

// Pods on tracks with and without a plugin, as status and doctor see them.

const namespace = "trading";
const image = `oci://registry.test/tickgate@sha256:${"1".repeat(64)}`;
const app = { app: "engine" };
const stable = renderPlugin({ namespace, name: "tickgate" }, undefined, {
  image,
  config: {},
  selector: app,
});

interface Scene {
  readonly session: Session;
  readonly sidecars: FakeSidecars;
}

/** The stable plugin, perhaps others, and one pod a track: `engine-<track>`; `none` is a pod without the label. */
async function scene(
  t: TestContext,
  tracks: readonly string[],
  others: readonly WasmPlugin[] = [],
): Promise<Scene> {
  const cluster = memoryCluster(namespace);
  for (const plugin of [stable, ...others]) await applyPlugin(cluster, plugin);
  const pods = tracks.map((track, index) => ({
    name: `engine-${track}`,
    address: `127.0.76.${index + 1}`,
    labels: track === "none" ? app : { ...app, [trackLabel]: track },
  }));
  for (const pod of pods) await createPod(cluster, pod);
  const port = await freePort();
  const sidecars = await FakeSidecars.start({ cluster, pods, port, treat: asUsual, requestsPerSecond: 1 });
  t.after(() => sidecars.stop());
  const access = openPodAccess(cluster, { mode: "direct", ports: { admin: port, stats: port } });
  return { session: { cluster, access, timeoutMillis: 10_000, istiod: undefined }, sidecars };
}

function asUsual(): Treatment {
  return {};
}

async function createPod(
  cluster: Cluster,
  pod: { readonly name: string; readonly address: string; readonly labels: object },
): Promise<void> {
  const body = {
    metadata: { name: pod.name, namespace, labels: pod.labels },
    spec: { containers: [{ name: "istio-proxy" }] },
    status: { phase: "Running", podIP: pod.address, conditions: [{ type: "Ready", status: "True" }] },
  };
  await cluster.request({ verb: "create", resource: resources.pods, namespace, body });
}

function standings({ pods }: StatusReport): Record<string, string> {
  return Object.fromEntries(pods.map(({ pod, standing }) => [pod, standing]));
}

async function doctorOf({ session: { cluster, access } }: Scene): Promise<Finding[]> {
  const selector = stable.spec.selector?.matchLabels ?? {};
  return checkPods({
    cluster,
    access,
    name: "tickgate",
    istioNamespace: "istio-system",
    current: stable,
    spec: stable.spec,
    config: {},
    selector,
    plainHttp: false,
  });
}

const canary = pluginOf({ namespace, name: canaryName("tickgate", "1") }, onTrack(stable.spec, "canary"));

test("a pod whose track has no plugin: status calls it absent, doctor a problem, both with the next step", async (t) => {
  const all = await scene(t, ["stable", "canary", "blue"]);
  await waitFor("the stable pod has its plugin", () =>
    all.sidecars.images()[0] === image ? true : undefined,
  );
  const report = await readStatus(all.session, "tickgate");
  assert.deepEqual(standings(report), {
    "engine-blue": "absent",
    "engine-canary": "absent",
    "engine-stable": "running",
  });
  assert.equal(report.healthy, false);
  const back = "kubectl label pod -n trading engine-canary --overwrite tickgate.dev/track=stable";
  const text = describeStatus(report);
  assert.match(text, /^ *engine-canary +canary +.* ABSENT$/m);
  assert.ok(
    text.includes(
      `engine-canary is selected by no plugin (${trackLabel}=canary): requests pass unfiltered; ${back}`,
    ),
    text,
  );
  const findings = await doctorOf(all);
  const stray = findings.filter(({ message }) => message.startsWith("no plugin selects it"));
  assert.deepEqual(
    stray.map(({ level, object }) => [level, object]),
    [
      ["problem", "pod trading/engine-blue"],
      ["problem", "pod trading/engine-canary"],
    ],
  );
  assert.equal(stray[1]?.next, back);
});

test("all pods are on a track without a plugin: not healthy", async (t) => {
  const all = await scene(t, ["canary"]);
  const report = await readStatus(all.session, "tickgate");
  assert.deepEqual([report.healthy, standings(report)], [false, { "engine-canary": "absent" }]);
});

test("during a rollout the canary's pods are nobody's strays; a pod without a track is none of status's", async (t) => {
  const all = await scene(t, ["stable", "canary", "none"], [canary]);
  await waitFor("both have their plugin", () =>
    all.sidecars.images().filter((found) => found === image).length === 2 ? true : undefined,
  );
  const report = await readStatus(all.session, "tickgate");
  assert.deepEqual(
    [report.healthy, standings(report)],
    [true, { "engine-canary": "running", "engine-stable": "running" }],
  );
  const findings = await doctorOf(all);
  assert.deepEqual(
    findings
      .filter(({ message }) => /no plugin selects it/.test(message))
      .map(({ level, object }) => [level, object]),
    [["warning", "pod trading/engine-none"]],
  );
});

test("a plugin that selects no pod is not healthy", async (t) => {
  const all = await scene(t, []);
  const report = await readStatus(all.session, "tickgate");
  assert.equal(report.healthy, false);
  assert.match(
    describeStatus(report),
    /no running pod with a sidecar is selected by app=engine,tickgate\.dev\/track=stable: nothing is filtered\nnext: /,
  );
});
