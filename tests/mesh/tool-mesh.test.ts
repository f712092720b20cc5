import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readHistory } from "../../deploy/tool/cluster/history.ts";
import { deletePlugin, readPlugin } from "../../deploy/tool/cluster/plugins.ts";
import { listPods, setTrack } from "../../deploy/tool/cluster/pods.ts";
import { parseJson } from "../../deploy/tool/json.ts";
import { root } from "../../scripts/lib/paths.ts";
import { waitFor, type Finished } from "../../scripts/lib/process.ts";
import { temporaryDirectory, type TemporaryDirectory } from "../../scripts/lib/temporary.ts";
import { Mesh, type MeshPod } from "./lib/mesh.ts";
import { runTickgate, startTickgate } from "./lib/tickgate.ts";

// One mesh for all: the tests below run one after the other, each from what the one before left.
let mesh: Mesh;
let stop: (() => Promise<void>) | undefined;
let pod: MeshPod;
let folder: TemporaryDirectory;
let image: string;

before(async () => {
  folder = await temporaryDirectory();
  mesh = await Mesh.start();
  stop = () => mesh.stop();
  pod = await mesh.startPod({ name: "engine-0", address: "127.0.0.31" });
  image = await mesh.registry.push(await readFile(join(root, "build/tickgate.wasm")), "0.1.0");
});

after(async () => {
  await stop?.();
  await folder.remove();
});

function tickgate(...args: readonly string[]): Promise<Finished> {
  return runTickgate(mesh.api.kubernetes.kubeconfig, ...args, ...mesh.reach);
}

async function configFile(config: object): Promise<string> {
  const path = join(folder.path, "plugin.json");
  await writeFile(path, JSON.stringify(config));
  return path;
}

interface Status {
  readonly healthy: boolean;
  readonly pods: readonly {
    readonly pod: string;
    readonly standing: string;
    readonly reason: string;
    readonly configHash?: string;
    readonly deniedPerSecond?: number;
  }[];
}

async function status(...args: readonly string[]): Promise<Status> {
  const { stdout, stderr } = await tickgate("status", "--output", "json", ...args);
  assert.notEqual(stdout, "", stderr);
  return parseJson<Status>(stdout);
}

const selector = ["--selector", "app=trading-engine"] as const;
const denied = { quotas: [{ name: "all", limit: 1, window: "1h" }] };

test("doctor before: a pod without the tags must restart, the image is looked for, nothing is deployed", async () => {
  const bare = await mesh.startPod({ name: "engine-9", address: "127.0.0.39", annotated: false });
  const missing = image.replace(/[0-9a-f]{64}$/, "f".repeat(64));
  const { code, stdout } = await tickgate("doctor", "--image", missing, "--insecure");
  assert.equal(code, 1, stdout);
  assert.match(
    stdout,
    /PROBLEM +pod trading\/engine-9: was started without the tags symbol, .*reason: these labels end up inside metric names/,
  );
  assert.match(stdout, /warning +pod trading\/engine-9: keeps no statistics of extension_config_discovery/);
  assert.match(stdout, /ok +pod trading\/engine-0: Envoy 1\.\d+\.\d+, with the filter's tags and buckets/);
  assert.match(stdout, /PROBLEM +image oci:.*: is not in the registry/);
  const deployed = await tickgate("deploy", "--image", image, ...selector, "--timeout", "60s");
  assert.equal(deployed.code, 1);
  assert.match(deployed.stderr, /trading\/engine-9 was started without the filter's tags/);
  assert.doesNotMatch(deployed.stderr, /trading\/engine-0 /);
  await bare.remove();
});

test("deploy: returns when the proxy runs it, and the hash is the one istiod's bytes have", async () => {
  const { code, stdout, stderr } = await tickgate(
    "deploy",
    "--image",
    image,
    ...selector,
    "--config",
    await configFile(denied),
  );
  assert.equal(code, 0, stderr);
  assert.match(stdout, /runs on 1 pod: engine-0/);
  assert.deepEqual([await pod.send(), await pod.send()], [200, 429]);
  const now = await status();
  assert.equal(now.healthy, true);
  const applied = (await readPlugin(mesh.api.admin, "tickgate"))?.metadata.annotations;
  assert.equal(now.pods[0]?.configHash, applied?.["tickgate.dev/config-hash"]);
  const doctor = await tickgate("doctor", "--insecure");
  assert.equal(doctor.code, 0, doctor.stdout);
});

test("a deploy while istiod is slow to deliver is waited for, and Ctrl-C says what it leaves", async () => {
  const missing = image.replace(/[0-9a-f]{64}$/, "e".repeat(64));
  const kubeconfig = mesh.api.kubernetes.kubeconfig;
  const child = await startTickgate(
    kubeconfig,
    "deploy",
    "--image",
    missing,
    "--fail-strategy",
    "FAIL_OPEN",
    ...mesh.reach,
  );
  await waitFor("the tool waited", () => child.lines().find((line) => line.startsWith("waiting: ")), {
    child,
    timeoutMillis: 60_000,
  });
  child.signal("SIGINT");
  const { code } = await child.exited;
  const said = child.lines().join("\n");
  assert.equal(code, 1, said);
  assert.match(
    said,
    /interrupted: revision \d+ of trading\/tickgate is applied and Istio goes on delivering it/,
  );
  assert.equal((await readHistory(mesh.api.admin, "tickgate")).at(-1)?.result, "interrupted");
  const back = await tickgate("rollback");
  assert.equal(back.code, 0, back.stderr);
});

test("a digest nobody has: refused by the agent, all requests 403, told and rolled back", async () => {
  const missing = image.replace(/[0-9a-f]{64}$/, "d".repeat(64));
  const { code, stderr } = await tickgate("deploy", "--image", missing);
  assert.equal(code, 1);
  assert.match(stderr, /engine-0 REFUSES ALL REQUESTS with 403: its agent can't fetch oci:/);
  assert.match(stderr, /hint: tickgate rollback/);
  assert.equal(await pod.send(), 403);
  assert.equal((await status()).pods[0]?.standing, "denying");
  const back = await tickgate("rollback");
  assert.equal(back.code, 0, back.stderr);
  // With the last VM of the filter went its shared data: the quota begins anew.
  assert.deepEqual([await pod.send(), await pod.send()], [200, 429]);
});

test("a module Envoy refuses, with the same configuration: noticed, and taken back by itself", async () => {
  const empty = await mesh.registry.push(Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]), "9.9.9");
  const { code, stderr } = await tickgate(
    "deploy",
    "--image",
    empty,
    "--rollback-on-failure",
    "--istiod",
    mesh.istiod.monitoringUrl,
  );
  assert.equal(code, 1);
  assert.match(
    stderr,
    /engine-0 refused the new module, and still runs configuration [0-9a-f]{8} \(version 0\.1\.0\): Unable to create Wasm plugin/,
  );
  assert.match(stderr, /failed and was taken back: all 1 pods run what they ran before/);
  assert.equal((await status()).healthy, true);
  assert.equal((await readPlugin(mesh.api.admin, "tickgate"))?.spec.url, image);
});

test("a configuration the filter refuses, put in past the tool: status and doctor say so", async () => {
  await mesh.edit({ pluginConfig: { quotas: [{ name: "all", limit: -1 }] } });
  await waitFor("the proxy refused it", () => mesh.istiod.refusalOf("engine-0"));
  const now = await status();
  assert.equal(now.healthy, false);
  assert.equal(now.pods[0]?.standing, "refused");
  assert.match(
    now.pods[0].reason,
    /refused configuration .*Envoy rejected the last update of trading\.tickgate/,
  );
  const doctor = await tickgate("doctor", "--insecure");
  assert.equal(doctor.code, 1);
  assert.match(doctor.stdout, /quotas\[0\]\.limit: -1 is not in 1\.\.1000000000/);
  assert.match(doctor.stdout, /kubectl-edit owns fields of its spec/);
});

test("after that, removed and deployed again: the listener Envoy silently refuses is sent once more", async () => {
  await deletePlugin(mesh.api.admin, "tickgate");
  await waitFor("the filter was gone", async () =>
    (await pod.send()) === 200 && (await pod.send()) === 200 ? true : undefined,
  );
  const { code, stderr } = await tickgate(
    "deploy",
    "--image",
    image,
    ...selector,
    "--config",
    await configFile(denied),
  );
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    /no listener uses it, requests pass unfiltered; Envoy refused the listener: Unable to create/,
  );
  assert.match(stderr, /sending it again/);
  await pod.send();
  assert.equal(await pod.send(), 429);
});

test("rates in status: denials of the second that was watched", async () => {
  const stopped = new AbortController();
  const traffic = (async () => {
    while (!stopped.signal.aborted) await pod.send();
  })();
  const now = await status();
  stopped.abort();
  await traffic;
  assert.ok((now.pods[0]?.deniedPerSecond ?? 0) > 1, JSON.stringify(now));
});

test("a pod on a track without a plugin passes unfiltered: status, doctor and the way back", async () => {
  const [place] = await listPods(mesh.api.admin, {});
  assert.ok(place !== undefined);
  await setTrack(mesh.api.admin, place, "canary");
  await waitFor("the filter was gone", async () =>
    (await pod.send()) === 200 && (await pod.send()) === 200 ? true : undefined,
  );
  const now = await status();
  assert.equal(now.healthy, false);
  assert.deepEqual(
    now.pods.map(({ pod: name, standing }) => [name, standing]),
    [["engine-0", "absent"]],
  );
  const doctor = await tickgate("doctor", "--insecure");
  assert.equal(doctor.code, 1, doctor.stdout);
  assert.match(
    doctor.stdout,
    /PROBLEM +pod trading\/engine-0: no plugin selects it .*\n +next: kubectl label/,
  );
  await setTrack(mesh.api.admin, place, "stable");
  const again = await tickgate("deploy");
  assert.equal(again.code, 0, again.stderr);
  assert.equal((await status()).healthy, true);
});

test("remove: gone from the proxy when it returns; rollback brings it back", async () => {
  const removed = await tickgate("remove");
  assert.equal(removed.code, 0, removed.stderr);
  assert.deepEqual([await pod.send(), await pod.send()], [200, 200]);
  const none = await tickgate("status");
  assert.equal(none.code, 1);
  assert.match(none.stderr, /there is no WasmPlugin tickgate in namespace trading/);
  const back = await tickgate("rollback");
  assert.equal(back.code, 0, back.stderr);
  assert.equal((await status()).healthy, true);
});
