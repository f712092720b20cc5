import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { readHistory } from "../../deploy/tool/cluster/history.ts";
import { applyPlugin, readPlugin, type WasmPluginSpec } from "../../deploy/tool/cluster/plugins.ts";
import { listPodObjects, listPods, trackLabel } from "../../deploy/tool/cluster/pods.ts";
import { renderPlugin } from "../../deploy/tool/cluster/render.ts";
import { resources } from "../../deploy/tool/cluster/resources.ts";
import { parseJson } from "../../deploy/tool/json.ts";
import { readRollout } from "../../deploy/tool/rollout/canary.ts";
import type { Report } from "../../deploy/tool/rollout/report.ts";
import { freePort } from "../../scripts/lib/ports.ts";
import { waitFor, type Child, type Finished } from "../../scripts/lib/process.ts";
import { findOnPath } from "../../scripts/lib/provision/provision.ts";
import { temporaryDirectory, type TemporaryDirectory } from "../../scripts/lib/temporary.ts";
import { startPrometheus } from "../prometheus/server.ts";
import { FakeSidecars, type Treatment } from "../scripts/fake-sidecars.ts";
import { deployerRights, namespace, startApiServer, type ApiServer } from "./lib/api-server.ts";
import { runTickgate, startTickgate } from "./lib/tickgate.ts";

// The command as a process against a real API server. The 20 pods are objects there; their sidecars are served here.

const podCount = 20;
const pods = Array.from({ length: podCount }, (_, index) => ({
  name: `engine-${String(index).padStart(2, "0")}`,
  address: `127.0.78.${index + 1}`,
}));

let server: ApiServer;
let sidecars: FakeSidecars;
let adminPort: number;
let kubeconfig: string;
let folder: TemporaryDirectory;
/** How to end what `before` has started, in its order. */
const ends: (() => Promise<unknown>)[] = [];

before(async () => {
  folder = await temporaryDirectory();
  ends.push(() => folder.remove());
  server = await startApiServer();
  ends.push(() => server.stop());
  kubeconfig = await server.userWith("deployer", deployerRights);
  await server.create("serviceaccounts", { metadata: { name: "default", namespace } }, "v1", "");
  for (const { name, address } of pods) await createPod(name, address);
  adminPort = await freePort();
  const options = { cluster: server.admin, pods, port: adminPort, treat, requestsPerSecond: 500 };
  sidecars = await FakeSidecars.start(options);
  ends.push(() => sidecars.stop());
});

after(async () => {
  for (const part of ends.toReversed()) await part();
});

beforeEach(async () => {
  const plugin = renderPlugin({ namespace, name: "tickgate" }, undefined, {
    image: imageOf("old"),
    config: {},
  });
  await applyPlugin(server.admin, plugin, { force: true });
  await waitFor("all pods ran the old version", () => runs("old") || undefined, { timeoutMillis: 30_000 });
});

async function createPod(name: string, address: string): Promise<void> {
  const labels = { [trackLabel]: "stable" };
  const container = { name: "istio-proxy", image: "proxy" };
  const pod = { metadata: { name, namespace, labels }, spec: { containers: [container] } };
  await server.create("pods", pod, "v1", "");
  const status = {
    phase: "Running",
    podIP: address,
    podIPs: [{ ip: address }],
    conditions: [{ type: "Ready", status: "True" }],
  };
  await server.admin.request({
    verb: "patch",
    resource: { group: "", version: "v1", plural: `pods/${name}/status` },
    namespace,
    contentType: "application/merge-patch+json",
    body: { status },
  });
}

const treatments: Readonly<Record<string, Treatment>> = { trapping: { traps: true }, slow: { micros: 5000 } };

/** A tiny quota denies most requests, whatever the version. */
function treat({ url, pluginConfig }: WasmPluginSpec): Treatment {
  const [, version = ""] = /tickgate-(\w+)@/.exec(url) ?? [];
  const denials = JSON.stringify(pluginConfig ?? {}).includes('"limit":1,') ? { denials: 0.8 } : {};
  return { ...treatments[version], ...denials };
}

function imageOf(version: string): string {
  return `oci://registry.invalid/tickgate-${version}@sha256:${createHash("sha256").update(version).digest("hex")}`;
}

function runs(version: string): boolean {
  return sidecars.images().every((image) => image === imageOf(version));
}

/** The command line of a rollout, with windows of a second. */
function line(...args: readonly string[]): string[] {
  const reach = ["--pods", "direct", "--admin-port", String(adminPort), "--namespace", namespace];
  return ["rollout", ...args, ...reach, "--output", "json"];
}

const quick = ["--window", "1s", "--max-window", "20s", "--settle", "300ms", "--timeout", "30s"];

function roll(...args: readonly string[]): Promise<Finished> {
  return runTickgate(kubeconfig, ...line(...quick, ...args));
}

function reportOf({ stdout, stderr }: Finished): Report {
  assert.notEqual(stdout, "", stderr);
  return parseJson<Report>(stdout);
}

/** What has to be true after any rollout: all pods on the stable track, running this, and no canary. */
async function assertAll(version: string): Promise<void> {
  const stable = await listPods(server.admin, { [trackLabel]: "stable" });
  assert.equal(stable.length, podCount);
  assert.equal((await readPlugin(server.admin, "tickgate"))?.spec.url, imageOf(version));
  assert.equal(await readRollout(server.admin, "tickgate"), undefined);
  assert.ok(runs(version), `pods run ${[...new Set(sidecars.images())].join(", ")}`);
}

async function onCanary(): Promise<number> {
  return (await listPods(server.admin, { [trackLabel]: "canary" })).length;
}

async function started(...args: readonly string[]): Promise<Child> {
  return startTickgate(kubeconfig, ...line(...quick, ...args));
}

test("--dry-run prints the plan and changes nothing; wrong options are refused", async () => {
  const image = ["--image", imageOf("good")] as const;
  const dry = await runTickgate(kubeconfig, "rollout", ...image, "--dry-run", "--namespace", namespace);
  assert.equal(dry.code, 0, dry.stderr);
  assert.match(dry.stdout, /step 1\s+1 of 20 pods/);
  assert.match(dry.stdout, /step 4\s+20 of 20 pods/);
  assert.match(dry.stdout, /name: tickgate-canary-[0-9a-f]{8}$/m);
  assert.equal(await readRollout(server.admin, "tickgate"), undefined);
  for (const [args, said] of [
    [["--image", imageOf("good"), "--steps", "50,20,100"], /--steps 50,20,100 is not a list of percentages/],
    [["--image", imageOf("good"), "--steps", "5,50"], /ascends to 100/],
    [["--image", imageOf("good"), "--max-error-increase", "5"], /--max-error-increase 5 is not a percentage/],
    [["--image", imageOf("good"), "--approve", "never"], /auto or manual/],
    [[], /nothing to roll out/],
  ] as const) {
    const refused = await roll(...args);
    assert.equal(refused.code, 2, refused.stderr);
    assert.match(refused.stderr, said);
  }
  const none = await roll("--resume");
  assert.equal(none.code, 1);
  assert.match(none.stderr, /no rollout of tickgate is under way/);
  const same = await roll("--image", imageOf("old"));
  assert.equal(same.code, 0, same.stderr);
  assert.match(same.stdout, /unchanged/);
});

test("a good version reaches all pods", async () => {
  const done = await roll("--image", imageOf("good"));
  assert.equal(done.code, 0, done.stderr);
  assert.equal(reportOf(done).result, "promoted");
  for (const count of [1, 4, 5, 10]) assert.match(done.stderr, new RegExp(`moving ${count} of 20 pods`));
  await assertAll("good");
  assert.equal((await readHistory(server.admin, "tickgate")).at(-1)?.result, "running");
});

for (const [version, reason] of [
  ["trapping", /the filter traps|errors as Envoy counts them/],
  ["slow", /time in the filter, p50/],
] as const) {
  test(`a ${version} version is rolled back`, async () => {
    const done = await roll("--image", imageOf(version));
    assert.equal(done.code, 1, done.stderr);
    const report = reportOf(done);
    assert.equal(report.result, "rolled-back");
    assert.match(report.reason, reason);
    await assertAll("old");
  });
}

test("a configuration that denies too much is rolled back; the image stays", async () => {
  const path = join(folder.path, "tiny.json");
  await writeFile(path, JSON.stringify({ quotas: [{ name: "orders", limit: 1, window: "1h" }] }));
  const done = await roll("--config", path);
  const report = reportOf(done);
  assert.equal(report.result, "rolled-back", done.stderr);
  assert.match(report.reason, /quota denials: .*most: orders/);
  await assertAll("old");
});

test("killed in the middle: another process is refused while it lives, and goes on when it is dead", async () => {
  // Long enough for the others to see that the first one lives, which takes them five seconds.
  const first = await started("--image", imageOf("good"), "--steps", "25,100", "--window", "10s");
  await waitFor("5 pods were moved", async () => ((await onCanary()) >= 5 ? true : undefined), {
    child: first,
    timeoutMillis: 60_000,
  });
  const [second, other] = await Promise.all([roll("--resume"), roll("--image", imageOf("slow"))]);
  assert.equal(second.code, 1);
  assert.match(second.stderr, /another process drives this rollout/);
  assert.equal(other.code, 1);
  assert.match(other.stderr, /a rollout of something else is under way/);
  first.signal("SIGKILL");
  await first.exited;
  assert.ok((await onCanary()) > 0);
  const done = await roll("--image", imageOf("good"));
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stderr, /going on with the rollout of/);
  await assertAll("good");
});

test("Ctrl-C leaves it as it is and says how to go on; abort takes it back", async () => {
  const first = await started("--image", imageOf("good"));
  await waitFor("a pod was moved", async () => ((await onCanary()) > 0 ? true : undefined), {
    child: first,
    timeoutMillis: 60_000,
  });
  first.signal("SIGINT");
  assert.equal((await first.exited).code, 130);
  assert.ok(first.lines().some((text) => text.includes("tickgate rollout --resume")));
  assert.ok((await onCanary()) > 0);
  const aborted = await runTickgate(kubeconfig, ...line("abort", "--reason", "second thoughts"));
  assert.equal(aborted.code, 0, aborted.stderr);
  await assertAll("old");
  const last = (await readHistory(server.admin, "tickgate")).at(-1);
  assert.equal(last?.result, "rolled-back");
  assert.match(last?.note ?? "", /aborted: second thoughts/);
});

async function pausedAt(step: number): Promise<true | undefined> {
  const state = (await readRollout(server.admin, "tickgate"))?.state;
  return state?.phase === "paused" && state.step === step ? true : undefined;
}

test("manual approval comes from another process, a step at a time", async () => {
  const driver = await started("--image", imageOf("good"), "--approve", "manual", "--steps", "5,100");
  for (const step of [0, 1]) {
    await waitFor(`step ${step} paused`, () => pausedAt(step), { child: driver, timeoutMillis: 60_000 });
    const approved = await runTickgate(kubeconfig, "rollout", "approve", "--namespace", namespace);
    assert.equal(approved.code, 0, approved.stderr);
  }
  assert.equal((await driver.exited).code, 0, driver.lines().join("\n"));
  await assertAll("good");
});

test("pods are listed in pages of the API server's, all of them and each once", async () => {
  const found = await listPodObjects(server.admin, { [trackLabel]: "stable" }, 7);
  assert.deepEqual(
    found.map(({ metadata }) => metadata.name),
    pods.map(({ name }) => name),
  );
});

/** What somebody else writes into the stable plugin, under the name of a field manager. */
async function writtenBy(fieldManager: string, spec: Partial<WasmPluginSpec>, apply: boolean): Promise<void> {
  const type = { apiVersion: "extensions.istio.io/v1alpha1", kind: "WasmPlugin" };
  const metadata = { name: "tickgate", namespace };
  await server.admin.request({
    verb: "patch",
    resource: resources.wasmPlugins,
    namespace,
    name: "tickgate",
    query: { fieldManager },
    contentType: apply ? "application/apply-patch+yaml" : "application/merge-patch+json",
    body: apply ? { ...type, metadata, spec } : { spec },
  });
}

test("a digest that somebody else left in the plugin does not get into the new version", async () => {
  await writtenBy("argocd", { sha256: "0".repeat(64) }, true);
  const refused = await roll("--image", imageOf("good"));
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /spec\.sha256 = "0+" of argocd/);
  assert.equal(await readRollout(server.admin, "tickgate"), undefined);
  const done = await roll("--image", imageOf("good"), "--force-conflicts");
  assert.equal(done.code, 0, done.stderr);
  assert.equal((await readPlugin(server.admin, "tickgate"))?.spec.sha256, undefined);
  await assertAll("good");
});

test("a stable plugin that is edited during a rollout is noticed, and who did it; abort ends it truthfully", async () => {
  const impatient = ["--window", "1s", "--settle", "300ms", "--timeout", "3s"];
  const driver = await startTickgate(
    kubeconfig,
    ...line("--image", imageOf("good"), "--approve", "manual", ...impatient),
  );
  await waitFor("it paused", () => pausedAt(0), { child: driver, timeoutMillis: 60_000 });
  await writtenBy("kubectl-edit", { url: imageOf("other") }, false);
  assert.equal((await driver.exited).code, 1);
  assert.match(
    driver.lines().join("\n"),
    /stable plugin has the old version \(kubectl-edit changed spec\.url\)/,
  );
  const aborted = await runTickgate(kubeconfig, ...line("abort"));
  assert.equal(aborted.code, 1, aborted.stderr);
  assert.equal(reportOf(aborted).result, "superseded");
  await assertAll("other");
});

test("a promotion that another owner's fields forbid can be aborted, and is in no history", async () => {
  const driver = await started("--image", imageOf("good"), "--approve", "manual", "--steps", "100");
  await waitFor("it paused", () => pausedAt(0), { child: driver, timeoutMillis: 60_000 });
  await writtenBy("argocd", { url: imageOf("old") }, true);
  const approved = await runTickgate(kubeconfig, "rollout", "approve", "--namespace", namespace);
  assert.equal(approved.code, 0, approved.stderr);
  assert.equal((await driver.exited).code, 1);
  assert.match(driver.lines().join("\n"), /was not changed: others own fields of it/);
  assert.equal((await readRollout(server.admin, "tickgate"))?.state.phase, "promoting");
  const history = await readHistory(server.admin, "tickgate");
  assert.ok(history.every(({ result }) => result !== "applied"));
  const aborted = await runTickgate(kubeconfig, ...line("abort"));
  assert.equal(aborted.code, 0, aborted.stderr);
  await assertAll("old");
  await writtenBy("argocd", {}, true);
});

test("figures from a real Prometheus: a good version is promoted, one that denies too much is rolled back", async (t) => {
  const found = process.env["PROMETHEUS_BIN"] ?? (await findOnPath("prometheus", process.env));
  if (found === undefined) return t.skip("there is no prometheus (apt-get install -y prometheus)");
  const targets = pods.map(({ name, address }) => ({
    address: `${address}:${adminPort}`,
    labels: { pod: name, namespace },
  }));
  const prometheus = await startPrometheus(t, targets);
  await waitFor(
    "Prometheus had scraped every pod twice",
    async () =>
      (await prometheus.query(`count(count_over_time(tickgate_config_ok[1m]) >= 2)`))[0]?.value === podCount
        ? true
        : undefined,
    { timeoutMillis: 30_000 },
  );
  const source = ["--prometheus", prometheus.url];
  const good = await roll("--image", imageOf("good"), ...source);
  assert.equal(good.code, 0, good.stderr);
  await assertAll("good");
  const path = join(folder.path, "tiny.json");
  await writeFile(path, JSON.stringify({ quotas: [{ name: "orders", limit: 1, window: "1h" }] }));
  const denying = await roll("--config", path, ...source);
  assert.equal(reportOf(denying).result, "rolled-back", denying.stderr);
  assert.match(reportOf(denying).reason, /quota denials: /);
  await assertAll("good");
  const nowhere = await roll(
    "--image",
    imageOf("old"),
    "--prometheus",
    `http://127.0.0.1:${await freePort()}`,
  );
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.stderr, /Prometheus at 127\.0\.0\.1:\d+ have no figures of any pod/);
});
