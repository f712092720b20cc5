import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { parseJson } from "../../deploy/tool/json.ts";
import { filterModule } from "../../scripts/lib/paths.ts";
import { waitFor, type Finished } from "../../scripts/lib/process.ts";
import { deployerRights } from "./lib/api-server.ts";
import { Mesh, type MeshPod } from "./lib/mesh.ts";
import { runTickgate } from "./lib/tickgate.ts";

// The tool's default way to the pods: a web socket to the API server, from there to the kubelet, from there to the pod.

let mesh: Mesh;
let stop: (() => Promise<void>) | undefined;
let pods: readonly MeshPod[];
let image: string;
let deployer: string;

before(async () => {
  mesh = await Mesh.start();
  stop = () => mesh.stop();
  pods = await Promise.all([
    mesh.startPod({ name: "engine-0", address: "127.0.41.1" }),
    mesh.startPod({ name: "engine-1", address: "127.0.41.2" }),
  ]);
  image = await mesh.registry.push(await readFile(filterModule), "0.1.0");
  deployer = await mesh.api.userWith("deployer", deployerRights);
});

after(() => stop?.());

const quotas = (limit: number): object => ({ quotas: [{ name: "all", limit, window: "1h" }] });

function tickgate(command: string, ...args: readonly string[]): Promise<Finished> {
  return runTickgate(deployer, command, ...mesh.forwarded, ...args);
}

interface Status {
  readonly healthy: boolean;
  readonly pods: readonly { readonly pod: string; readonly standing: string; readonly reason: string }[];
}

async function status(...args: readonly string[]): Promise<Status> {
  const { stdout, stderr } = await tickgate("status", "--output", "json", ...args);
  assert.notEqual(stdout, "", stderr);
  return parseJson<Status>(stdout);
}

test("deploy and status with the Role's rights and no route to a pod: every page came through the kubelet", async () => {
  const config = await mesh.configFile(quotas(3));
  const selector = ["--selector", "app=trading-engine"] as const;
  const { code, stdout, stderr } = await tickgate(
    "deploy",
    "--image",
    image,
    "--config",
    config,
    ...selector,
  );
  assert.equal(code, 0, stderr);
  assert.match(stdout, /runs on 2 pods: engine-0, engine-1/);
  const openedBefore = mesh.kubelet.streams.opened;
  const now = await status();
  assert.deepEqual([now.healthy, now.pods.length], [true, 2]);
  assert.ok(mesh.kubelet.streams.opened >= openedBefore + 2);
  await waitFor("no stream stayed open", async () => (mesh.kubelet.streams.open === 0 ? true : undefined));
});

test("rollout: the watch of both arms and the moves, through the kubelet", async () => {
  const config = await mesh.configFile(quotas(1000));
  const windows = "--window 2s --max-window 40s --settle 500ms --min-requests 5 --latency-floor 1s".split(
    " ",
  );
  const stopped = new AbortController();
  const traffic = Promise.all(
    pods.map(async (pod) => {
      while (!stopped.signal.aborted) await pod.send({ headers: { "x-user-id": "alice" } });
    }),
  );
  const { code, stderr } = await tickgate(
    "rollout",
    "--config",
    config,
    "--strategy",
    "blue-green",
    ...windows,
  );
  stopped.abort();
  await traffic;
  assert.equal(code, 0, stderr);
  assert.equal((await status()).healthy, true);
});

test("a port nobody listens on: the kubelet's word, per pod", async () => {
  const now = await status("--admin-port", "1");
  assert.equal(now.healthy, false);
  for (const pod of now.pods) assert.match(pod.reason, /admin port 1, .*ECONNREFUSED/);
});

test("a node so slow that streams open when nobody waits any more: told, the streams are closed, the command ends", async () => {
  const openedBefore = mesh.kubelet.streams.opened;
  mesh.kubelet.delay(6000);
  const now = await status();
  mesh.kubelet.delay(0);
  assert.deepEqual(
    now.pods.map(({ standing }) => standing),
    ["unreachable", "unreachable"],
  );
  for (const pod of now.pods) assert.match(pod.reason, /no answer within 5 s/);
  assert.ok(mesh.kubelet.streams.opened > openedBefore, "the streams did open, late");
  await waitFor("no stream stayed open", async () => (mesh.kubelet.streams.open === 0 ? true : undefined));
});

test("without the right to forward ports: doctor and status name it", async () => {
  const rights = deployerRights.filter(({ resource }) => resource !== "pods/portforward");
  const kubeconfig = await mesh.api.userWith("reader", rights);
  const doctor = await runTickgate(kubeconfig, "doctor", "--insecure", ...mesh.forwarded);
  assert.equal(doctor.code, 1, doctor.stdout);
  assert.match(doctor.stdout, /PROBLEM .*pods\/portforward/);
  const { stdout } = await runTickgate(kubeconfig, "status", ...mesh.forwarded);
  assert.match(stdout, /engine-0 .*403/);
});

test("a node that is down: its pods are unknown, and the command ends", async () => {
  await mesh.kubelet.stop();
  const now = await status();
  assert.equal(now.healthy, false);
  assert.deepEqual(
    now.pods.map(({ standing }) => standing),
    ["unreachable", "unreachable"],
  );
});
