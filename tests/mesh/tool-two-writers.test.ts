import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { findCanary } from "../../deploy/tool/cluster/canaries.ts";
import { readConfigMap, writeConfigMap } from "../../deploy/tool/cluster/config-maps.ts";
import type { Cluster } from "../../deploy/tool/cluster/connect.ts";
import { readHistory, recordRevision } from "../../deploy/tool/cluster/history.ts";
import { deletePlugin, readPlugin } from "../../deploy/tool/cluster/plugins.ts";
import { resources } from "../../deploy/tool/cluster/resources.ts";
import { goBack } from "../../deploy/tool/delivery/back.ts";
import { claimName, takeClaim } from "../../deploy/tool/rollout/claim.ts";
import { CliError } from "../../scripts/lib/cli.ts";
import { freePort } from "../../scripts/lib/ports.ts";
import { sleep, waitFor, type Child, type Finished } from "../../scripts/lib/process.ts";
import { temporaryDirectory, type TemporaryDirectory } from "../../scripts/lib/temporary.ts";
import { FakeSidecars } from "../scripts/fake-sidecars.ts";
import { deployerRights, image, namespace, startApiServer, type ApiServer } from "./lib/api-server.ts";
import { runTickgate, startTickgate } from "./lib/tickgate.ts";
import { createPodObject } from "./lib/workload.ts";

// Several who write at the same time, or to the same fields, against a real API server. The tests run one after the other.
let server: ApiServer;
let folder: TemporaryDirectory;
const ends: (() => Promise<unknown>)[] = [];

before(async () => {
  folder = await temporaryDirectory();
  ends.push(() => folder.remove());
  server = await startApiServer();
  ends.push(() => server.stop());
  await server.create("serviceaccounts", { metadata: { name: "trading-engine", namespace } }, "v1", "");
});

after(async () => {
  for (const end of ends.toReversed()) await end();
});

const other = image.replace(/a{64}$/, "b".repeat(64));
const third = image.replace(/a{64}$/, "c".repeat(64));

function deployed(...args: readonly string[]): Promise<Finished> {
  const line = ["deploy", "--skip-image-check", "--namespace", namespace, ...args];
  return runTickgate(server.kubernetes.kubeconfig, ...line);
}

async function assertDeployed(...args: readonly string[]): Promise<Finished> {
  const done = await deployed(...args);
  assert.equal(done.code, 0, done.stderr);
  return done;
}

async function config(content: object): Promise<string> {
  const path = join(folder.path, "plugin.json");
  await writeFile(path, JSON.stringify(content));
  return path;
}

test("the first entries of a history, written at the same time: none is lost", async () => {
  const entry = { spec: { url: image }, result: "applied" } as const;
  const writers = ["a", "b", "c"];
  await Promise.all(writers.map((by) => recordRevision(server.admin, "fresh", { ...entry, by })));
  const revisions = await readHistory(server.admin, "fresh");
  assert.deepEqual(new Set(revisions.map(({ by }) => by)), new Set(writers));
  assert.deepEqual(
    revisions.map(({ revision }) => revision),
    [1, 2, 3],
  );
});

const timing = { deadMillis: 3000, renewMillis: 500, pollMillis: 100 };

test("the first rollout ever: of three processes that begin at once, one drives, and goes on when its claim is deleted", async () => {
  const cluster = server.admin;
  const ended = await Promise.allSettled([1, 2, 3].map(() => takeClaim(cluster, "fresh", { timing })));
  const held = ended.flatMap((end) => (end.status === "fulfilled" ? [end.value] : []));
  const refused = ended.flatMap((end) => (end.status === "rejected" ? [String(end.reason)] : []));
  assert.equal(held.length, 1);
  assert.equal(refused.filter((text) => text.includes("another process drives this rollout")).length, 2);
  const [claim] = held;
  assert.ok(claim !== undefined);
  await sleep(timing.deadMillis);
  await claim.held();
  const name = claimName("fresh");
  const { holder } = (await readConfigMap(cluster, name)).data;
  await cluster.request({ verb: "delete", resource: resources.configMaps, namespace, name });
  await waitFor("its holder had made it again", async () =>
    (await readConfigMap(cluster, name)).data["holder"] === holder ? true : undefined,
  );
  await claim.held();
  await claim.release();
});

/** As `kubectl patch --type merge` does it. */
async function patched(manager: string, spec: object): Promise<void> {
  await server.admin.request({
    verb: "patch",
    resource: resources.wasmPlugins,
    namespace,
    name: "tickgate",
    query: { fieldManager: manager },
    contentType: "application/merge-patch+json",
    body: { spec },
  });
}

test("fields that others have added: named with owner and value, nothing changes; --force-conflicts removes them", async () => {
  const quotas = [{ name: "orders", limit: 5 }];
  await assertDeployed("--image", image, "--config", await config({ quotas }));
  await patched("kubectl-patch", { sha256: "d".repeat(64), pluginConfig: { mode: "observe" } });
  await patched("team", { vmConfig: { env: [{ name: "THEIRS", value: "1" }] } });
  const edited = await readPlugin(server.admin, "tickgate");
  const next = [{ name: "orders", limit: 7 }];
  const change = ["--image", other, "--config", await config({ quotas: next }), "--env", "OURS=2"] as const;
  for (const look of [[], ["--diff"], ["--dry-run"]]) {
    const refused = await deployed(...change, ...look);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /was not changed: it would keep what others have added/);
    assert.match(refused.stderr, /spec\.sha256 = "d{64}" of kubectl-patch/);
    assert.match(refused.stderr, /spec\.pluginConfig\.mode = "observe" of kubectl-patch/);
    assert.match(refused.stderr, /spec\.vmConfig\.env = \[.*"THEIRS".*\] of team/);
    assert.match(refused.stderr, /--force-conflicts/);
  }
  assert.deepEqual(await readPlugin(server.admin, "tickgate"), edited);
  const diff = await assertDeployed(...change, "--diff", "--force-conflicts");
  assert.match(diff.stdout, /^- +sha256: d{64}$/m);
  await assertDeployed(...change, "--force-conflicts");
  const spec = (await readPlugin(server.admin, "tickgate"))?.spec;
  assert.equal(spec?.url, other);
  assert.equal(spec.sha256, undefined);
  assert.deepEqual(spec.pluginConfig, { quotas: next });
  assert.deepEqual(spec.vmConfig?.env, [{ name: "OURS", value: "2" }]);
  assert.deepEqual((await readHistory(server.admin, "tickgate")).at(-1)?.spec, spec);
});

/** As the kubelet does once it has ended. */
async function deletePod(name: string): Promise<void> {
  const body = { gracePeriodSeconds: 0 };
  await server.admin.request({ verb: "delete", resource: resources.pods, namespace, name, body });
}

async function waits(child: Child): Promise<void> {
  await waitFor("it waited for the pod", () => child.lines().find((line) => line.startsWith("waiting: ")), {
    child,
    timeoutMillis: 60_000,
  });
}

test("--rollback-on-failure leaves what somebody else deploys while it waits", async () => {
  await assertDeployed("--image", image, "--config", await config({ mode: "enforce" }));
  await createPodObject(server, { name: "engine-0", address: "127.0.0.79" });
  const reach = ["--pods", "direct", "--admin-port", String(await freePort())];
  const operator = await server.userWith("operator", deployerRights);
  const start = (kubeconfig: string, ...args: readonly string[]): Promise<Child> =>
    startTickgate(kubeconfig, "deploy", "--skip-image-check", "--namespace", namespace, ...reach, ...args);
  const pipeline = await start(server.kubernetes.kubeconfig, "--image", third, "--rollback-on-failure");
  await waits(pipeline);
  const kill = await start(operator, "--config", await config({ mode: "observe" }));
  assert.equal((await pipeline.exited).code, 1);
  const said = pipeline.lines().join("\n");
  assert.match(
    said,
    /error: revision \d+ is superseded by revision \d+ of system:serviceaccount:trading:operator/,
  );
  assert.doesNotMatch(said, /going back/);
  assert.deepEqual((await readPlugin(server.admin, "tickgate"))?.spec.pluginConfig, { mode: "observe" });
  await waits(kill);
  await deletePod("engine-0");
  assert.equal((await kill.exited).code, 0, kill.lines().join("\n"));
  assert.deepEqual(
    (await readHistory(server.admin, "tickgate")).slice(-2).map(({ result }) => result),
    ["superseded", "running"],
  );
});

test("what is removed at the moment in which it is taken back stays removed", async () => {
  await assertDeployed("--image", image);
  await assertDeployed("--image", other);
  const applied = (await readHistory(server.admin, "tickgate")).at(-1);
  assert.ok(applied !== undefined);
  const cluster: Cluster = {
    ...server.admin,
    async request(call) {
      const applies = call.contentType === "application/apply-patch+yaml" && call.query?.["dryRun"] !== "All";
      if (applies && call.resource === resources.wasmPlugins) await deletePlugin(server.admin, "tickgate");
      return server.admin.request(call);
    },
  };
  const access = { get: () => Promise.reject(new CliError("there are no pods")) };
  const session = { cluster, access, timeoutMillis: 10_000, istiod: undefined };
  await assert.rejects(
    goBack(session, "tickgate", { force: false, from: applied }),
    /superseded by the removal of WasmPlugin trading\/tickgate/,
  );
  assert.equal(await readPlugin(server.admin, "tickgate"), undefined);
});

/** A plugin that two pods run, whose sidecars are served here; the command line of a rollout of it to another image. */
async function twoPods(t: TestContext): Promise<readonly string[]> {
  await assertDeployed("--image", image);
  const pods = [1, 2].map((index) => ({ name: `engine-${index}`, address: `127.0.79.${index}` }));
  for (const pod of pods) {
    await createPodObject(server, pod);
    t.after(() => deletePod(pod.name));
  }
  const port = await freePort();
  const options = { cluster: server.admin, pods, port, treat: () => ({}), requestsPerSecond: 500 };
  const sidecars = await FakeSidecars.start(options);
  t.after(() => sidecars.stop());
  await waitFor("both pods ran it", () => sidecars.images().every((url) => url === image) || undefined);
  const reach = ["--pods", "direct", "--admin-port", String(port), "--namespace", namespace];
  return ["--image", other, "--approve", "manual", "--window", "1s", "--settle", "300ms", ...reach];
}

test("a rollout that somebody else seems to drive: Ctrl-C ends the wait, and nothing has begun", async (t) => {
  const line = await twoPods(t);
  const data = { holder: "h", who: "far-away, process 7", renewedAt: "2999-01-01T00:00:00.000Z" };
  const { resourceVersion } = await readConfigMap(server.admin, claimName("tickgate"));
  await writeConfigMap(server.admin, claimName("tickgate"), { data, resourceVersion });
  const child = await startTickgate(server.kubernetes.kubeconfig, "rollout", ...line);
  await waitFor(
    "it watched the claim",
    () => child.lines().find((text) => text.includes("far-away, process 7 has driven this rollout")),
    { child, timeoutMillis: 60_000 },
  );
  child.signal("SIGINT");
  assert.equal((await child.exited).code, 130, child.lines().join("\n"));
  assert.equal(await findCanary(server.admin, "tickgate"), undefined);
  assert.deepEqual((await readConfigMap(server.admin, claimName("tickgate"))).data, data);
});

test("abort while another process drives: that one takes it back", async (t) => {
  const line = await twoPods(t);
  const driver = await startTickgate(server.kubernetes.kubeconfig, "rollout", ...line);
  await waitFor("it paused", () => driver.lines().find((text) => text.includes("approval")), {
    child: driver,
    timeoutMillis: 60_000,
  });
  const abort = ["rollout", "abort", ...line.slice(line.indexOf("--pods"))];
  const aborted = await runTickgate(server.kubernetes.kubeconfig, ...abort);
  assert.equal(aborted.code, 0, aborted.stderr);
  assert.match(aborted.stdout, /the process that drives the rollout was asked to take it back/);
  assert.equal((await driver.exited).code, 1, driver.lines().join("\n"));
  assert.equal(await findCanary(server.admin, "tickgate"), undefined);
  assert.equal((await readHistory(server.admin, "tickgate")).at(-1)?.result, "rolled-back");
});
