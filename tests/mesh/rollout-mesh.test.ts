import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { readPlugin } from "../../deploy/tool/cluster/plugins.ts";
import { listPods, trackLabel } from "../../deploy/tool/cluster/pods.ts";
import { parseJson } from "../../deploy/tool/json.ts";
import { readRollout } from "../../deploy/tool/rollout/canary.ts";
import type { Report } from "../../deploy/tool/rollout/report.ts";
import { filterModule } from "../../scripts/lib/paths.ts";
import { sleep, waitFor, type Finished } from "../../scripts/lib/process.ts";
import { temporaryDirectory, type TemporaryDirectory } from "../../scripts/lib/temporary.ts";
import { FakeSidecars } from "../scripts/fake-sidecars.ts";
import { Mesh, type MeshPod } from "./lib/mesh.ts";
import { slowFilter, trappingFilter } from "./lib/spoiled-filter.ts";
import { runTickgate, startTickgate } from "./lib/tickgate.ts";
import { createPodObject } from "./lib/workload.ts";

// 20 pods: three have a real sidecar, requests and modules; of the others only the admin interface is simulated, whose
// figures are those of a good version. The real ones come first in the order by which pods are moved.

const podCount = 20;
const realCount = 3;
const places = Array.from({ length: podCount }, (_, index) => ({
  name: `engine-${String(index).padStart(2, "0")}`,
  address: `127.0.79.${index + 1}`,
}));

let mesh: Mesh;
let folder: TemporaryDirectory;
let pods: readonly MeshPod[];
let traffic: Traffic;
const images: Record<"old" | "good" | "trapping" | "slow", string> = {
  old: "",
  good: "",
  trapping: "",
  slow: "",
};
/** How to end what `before` has started, in its order. */
const ends: (() => Promise<unknown>)[] = [];

before(async () => {
  folder = await temporaryDirectory();
  ends.push(() => folder.remove());
  mesh = await Mesh.start();
  ends.push(() => mesh.stop());
  await pushImages();
  pods = await Promise.all(places.slice(0, realCount).map((place) => mesh.startPod(place)));
  const simulated = places.slice(realCount);
  for (const place of simulated) await createPodObject(mesh.api, place);
  const sidecars = await FakeSidecars.start({
    cluster: mesh.api.admin,
    pods: simulated,
    port: mesh.adminPort,
    treat: () => ({ micros: 2000 }),
    requestsPerSecond,
  });
  ends.push(() => sidecars.stop());
  traffic = new Traffic(pods);
  ends.push(() => traffic.stop());
});

after(async () => {
  for (const part of ends.toReversed()) await part();
});

async function pushImages(): Promise<void> {
  const filter = await readFile(filterModule);
  // The same module in another image: another digest, which is what is rolled out.
  images.old = await mesh.registry.push(filter, "0.1.0");
  images.good = await mesh.registry.push(filter, "0.1.1");
  images.trapping = await mesh.registry.push(trappingFilter(filter), "0.2.0");
  images.slow = await mesh.registry.push(slowFilter(filter), "0.3.0");
}

const requestsPerSecond = 60;

/** Requests to the real pods, all the time, and what became of them. */
class Traffic {
  /** Answers by pod and status. */
  readonly seen = new Map<string, number>();
  private readonly stopped = new AbortController();
  private readonly loops: Promise<unknown>;

  constructor(targets: readonly MeshPod[]) {
    this.loops = Promise.all(targets.map((pod) => this.send(pod)));
  }

  private async send(pod: MeshPod): Promise<void> {
    while (!this.stopped.signal.aborted) {
      const status = await pod.send({ headers: { "x-user-id": "alice" } });
      const key = `${pod.name} ${status}`;
      this.seen.set(key, (this.seen.get(key) ?? 0) + 1);
      await sleep(1000 / requestsPerSecond, this.stopped.signal);
    }
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    await this.loops;
  }
}

beforeEach(async () => {
  const config = await configFile({});
  const line = ["deploy", "--image", images.old, "--config", config, "--fail-strategy", "FAIL_RELOAD"];
  const { code, stderr } = await tickgate(...line, "--selector", "app=trading-engine", "--timeout", "40s");
  assert.equal(code, 0, stderr);
  traffic.seen.clear();
});

function tickgate(...args: readonly string[]): Promise<Finished> {
  return runTickgate(mesh.api.kubernetes.kubeconfig, ...args, ...mesh.reach);
}

async function configFile(config: object): Promise<string> {
  const path = join(folder.path, "plugin.json");
  await writeFile(path, JSON.stringify(config));
  return path;
}

/** Short windows; a flush of Envoy's statistics a second; times of a busy machine. */
const quick =
  "--window 3s --max-window 40s --settle 1500ms --latency-floor 25ms --timeout 60s --output json".split(" ");

function roll(...args: readonly string[]): Promise<Finished> {
  return tickgate("rollout", ...quick, ...args);
}

function reportOf({ stdout, stderr }: Finished): Report {
  assert.notEqual(stdout, "", stderr);
  return parseJson<Report>(stdout);
}

/** What has to be true after any rollout: all pods on the stable track, running this image, and no canary. */
async function assertAll(image: string): Promise<void> {
  assert.equal((await listPods(mesh.api.admin, { [trackLabel]: "stable" })).length, podCount);
  assert.equal((await readPlugin(mesh.api.admin, "tickgate"))?.spec.url, image);
  assert.equal(await readRollout(mesh.api.admin, "tickgate"), undefined);
  const { code, stdout } = await tickgate("status");
  assert.equal(code, 0, stdout);
  assert.equal(stdout.match(/ running$/gm)?.length, podCount, stdout);
  for (const pod of pods) {
    const dump = await pod.admin("/config_dump?resource=ecds_filters");
    assert.ok(dump.includes(image.slice(-64)), `${pod.name} has not the module of ${image}`);
  }
}

function assertNothingLost(): void {
  const statuses = [...traffic.seen.keys()].map((key) => key.split(" ")[1]);
  assert.deepEqual([...new Set(statuses)], ["200"], [...traffic.seen].join(" "));
}

test("a good version reaches all pods, and no request is lost on the way", async (t) => {
  const done = await roll("--image", images.good);
  assert.equal(done.code, 0, done.stderr);
  t.diagnostic(done.stderr);
  t.diagnostic([...traffic.seen].join(" "));
  assert.equal(reportOf(done).result, "promoted");
  await assertAll(images.good);
  assertNothingLost();
});

for (const [version, reason] of [
  ["trapping", /VM reloads: \d+ in 1 pods, old version 0 in \d+: the filter traps/],
  ["slow", /time in the filter, p(50|99): /],
] as const) {
  test(`a ${version} version is rolled back`, async (t) => {
    const done = await roll("--image", images[version]);
    t.diagnostic(done.stderr);
    t.diagnostic([...traffic.seen].join(" "));
    assert.equal(done.code, 1, done.stderr);
    const report = reportOf(done);
    assert.equal(report.result, "rolled-back");
    assert.match(report.reason, reason);
    await assertAll(images.old);
  });
}

test("a configuration that denies too much is rolled back", async (t) => {
  const config = await configFile({ quotas: [{ name: "orders", limit: 1, window: "1m" }] });
  const done = await roll("--config", config);
  t.diagnostic(done.stderr);
  assert.equal(reportOf(done).result, "rolled-back", done.stderr);
  assert.match(reportOf(done).reason, /quota denials: .*most: orders/);
  await assertAll(images.old);
});

test("a change of configuration only, blue-green: killed in the middle, another process ends it", async (t) => {
  const quotas = [{ name: "all", limit: 1_000_000 }];
  const config = await configFile({ quotas });
  const line = ["rollout", ...quick, "--strategy", "blue-green", "--config", config, ...mesh.reach];
  const first = await startTickgate(mesh.api.kubernetes.kubeconfig, ...line);
  await waitFor(
    "the first pod is watched",
    async () =>
      (await readRollout(mesh.api.admin, "tickgate"))?.state.phase === "watching" ? true : undefined,
    { child: first, timeoutMillis: 60_000 },
  );
  first.signal("SIGKILL");
  await first.exited;
  assert.equal((await listPods(mesh.api.admin, { [trackLabel]: "canary" })).length, 1);
  const done = await roll("--resume");
  t.diagnostic(done.stderr);
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stderr, /going on with the rollout of .*: step 1 of 2 \(one pod\)/);
  assert.match(done.stderr, /moving 19 of 20 pods to the new version/);
  await assertAll(images.old);
  assert.deepEqual((await readPlugin(mesh.api.admin, "tickgate"))?.spec.pluginConfig, { quotas });
  for (const pod of pods)
    assert.ok((await pod.scrape()).sum("trading_quota_decisions_total", { quota: "all" }) > 0);
  assertNothingLost();
});
