import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readHistory } from "../../deploy/tool/cluster/history.ts";
import { deletePlugin, readPlugin } from "../../deploy/tool/cluster/plugins.ts";
import { resources } from "../../deploy/tool/cluster/resources.ts";
import { freePort } from "../../scripts/lib/ports.ts";
import { waitFor, type Child, type Finished } from "../../scripts/lib/process.ts";
import { temporaryDirectory, type TemporaryDirectory } from "../../scripts/lib/temporary.ts";
import { deployerRights, image, namespace, startApiServer, type ApiServer } from "./lib/api-server.ts";
import { runTickgate, startTickgate } from "./lib/tickgate.ts";
import { createPodObject } from "./lib/workload.ts";

// Every command against an API server that lacks rights, definitions, or itself. The tests run one after the other.
let server: ApiServer;
let folder: TemporaryDirectory;
let configPath: string;
const ends: (() => Promise<unknown>)[] = [];

before(async () => {
  folder = await temporaryDirectory();
  ends.push(() => folder.remove());
  configPath = join(folder.path, "plugin.json");
  await writeFile(configPath, JSON.stringify({ quotas: [{ name: "orders", limit: 5 }] }));
  server = await startApiServer();
  ends.push(() => server.stop());
  await server.create("serviceaccounts", { metadata: { name: "trading-engine", namespace } }, "v1", "");
});

after(async () => {
  for (const end of ends.toReversed()) await end();
});

const inNamespace = ["--namespace", namespace] as const;

function admin(...args: readonly string[]): Promise<Finished> {
  return runTickgate(server.kubernetes.kubeconfig, ...args, ...inNamespace);
}

/** Deploys to no pods. */
async function deployed(...args: readonly string[]): Promise<void> {
  const done = await admin("deploy", "--image", image, "--skip-image-check", ...args);
  assert.equal(done.code, 0, done.stderr);
}

const other = image.replace(/a{64}$/, "b".repeat(64));
const rollout = ["rollout", "--image", other] as const;

test("without any right: each command names the verb, the resource, the user, and what to do", async () => {
  await deployed();
  const nobody = await server.userWith("nobody", []);
  const plugins = /not allowed to (get|list) wasmplugins\.extensions\.istio\.io\S* in namespace trading/;
  const cases = [
    [["deploy", "--image", image], plugins],
    [
      ["status"],
      /not allowed to get (wasmplugins\.extensions\.istio\.io|configmaps)\/\S+ in namespace trading/,
    ],
    [["history"], /not allowed to get configmaps\/tickgate-history in namespace trading/],
    [["rollback"], plugins],
    [["remove"], plugins],
    [rollout, plugins],
    [["rollout", "approve"], plugins],
    [["rollout", "abort"], plugins],
  ] as const;
  for (const [args, said] of cases) {
    const refused = await runTickgate(nobody, ...args, ...inNamespace);
    assert.equal(refused.code, 1, `${args.join(" ")}: ${refused.stderr}`);
    assert.match(refused.stderr, said);
    assert.match(
      refused.stderr,
      /hint: system:serviceaccount:trading:nobody needs the verb (get|list) on \S+ in/,
    );
    assert.equal(refused.stdout, "");
  }
  const examined = await runTickgate(nobody, "doctor", ...inNamespace);
  assert.equal(examined.code, 1);
  for (const resource of ["wasmplugins.extensions.istio.io", "pods", "pods/portforward", "configmaps"]) {
    assert.match(
      examined.stdout,
      new RegExp(`PROBLEM +user \\S+: may not .* ${resource} in namespace trading`),
    );
  }
});

for (const [resource, verb, said] of [
  ["configmaps", "get", /not allowed to get configmaps\/tickgate-history/],
  ["wasmplugins", "patch", /not allowed to patch wasmplugins\.extensions\.istio\.io\/tickgate/],
] as const) {
  test(`without the right to ${verb} ${resource}: deploy and rollback change nothing`, async () => {
    await deployed("--fail-strategy", "FAIL_OPEN");
    const rights = deployerRights.map(({ verbs, ...right }) =>
      Object.assign(right, {
        verbs: right.resource === resource ? verbs.filter((granted) => granted !== verb) : verbs,
      }),
    );
    const user = await server.userWith(`without-${verb}-${resource}`, rights);
    const plugin = await readPlugin(server.admin, "tickgate");
    const revisions = await readHistory(server.admin, "tickgate");
    for (const args of [["deploy", "--fail-strategy", "FAIL_CLOSE", "--skip-image-check"], ["rollback"]]) {
      const refused = await runTickgate(user, ...args, ...inNamespace);
      assert.equal(refused.code, 1, refused.stderr);
      assert.match(refused.stderr, said);
    }
    assert.deepEqual(await readPlugin(server.admin, "tickgate"), plugin);
    assert.deepEqual(await readHistory(server.admin, "tickgate"), revisions);
  });
}

async function whenOut(child: Child): Promise<void> {
  await waitFor(
    "the tool saw the outage",
    () => child.lines().find((line) => line.includes("does not answer")),
    {
      child,
      timeoutMillis: 60_000,
    },
  );
}

test("an API server that is away for a while: every command waits, says so, and ends as if nothing had been", async () => {
  await deployed("--config", configPath, "--fail-strategy", "FAIL_CLOSE");
  await deployed("--fail-strategy", "FAIL_OPEN");
  await server.kubernetes.crash();
  const start = (...args: readonly string[]): Promise<Child> =>
    startTickgate(server.kubernetes.kubeconfig, ...args, ...inNamespace);
  const reading = await Promise.all([start("status"), start("history"), start("deploy", "--diff")]);
  const writing = await start("rollback");
  await Promise.all([...reading, writing].map(whenOut));
  await server.kubernetes.restart();
  for (const child of [...reading, writing]) {
    const { code } = await child.exited;
    const said = child.lines().join("\n");
    // Without a pod nothing is filtered, and status is not content.
    assert.equal(code, child.name.endsWith("status") ? 1 : 0, `${child.name}: ${said}`);
    assert.match(said, /answers again after/);
  }
  assert.equal((await readPlugin(server.admin, "tickgate"))?.spec.failStrategy, "FAIL_CLOSE");
  assert.equal((await readHistory(server.admin, "tickgate")).at(-1)?.result, "running");
});

test("an API server that crashes while a deploy and a removal wait for pods: they go on when it is back", async () => {
  await createPodObject(server, { name: "engine-0", address: "127.0.0.77" });
  const reach = ["--pods", "direct", "--admin-port", String(await freePort())];
  for (const [args, done] of [
    [["deploy", "--env", "TICKGATE_COLD_START=pass", "--skip-image-check"], /no running pod with a sidecar/],
    [["remove"], /is gone from 0 pods/],
  ] as const) {
    const child = await startTickgate(server.kubernetes.kubeconfig, ...args, ...reach, ...inNamespace);
    await waitFor("it waited for the pod", () => child.lines().find((line) => line.startsWith("waiting: ")), {
      child,
      timeoutMillis: 60_000,
    });
    await server.kubernetes.crash();
    await whenOut(child);
    await server.kubernetes.restart();
    await server.admin.request({
      verb: "delete",
      resource: resources.pods,
      namespace,
      name: "engine-0",
      body: { gracePeriodSeconds: 0 },
    });
    const { code } = await child.exited;
    assert.equal(code, 0, child.lines().join("\n"));
    assert.match(child.lines().join("\n"), done);
    await createPodObject(server, { name: "engine-0", address: "127.0.0.77" });
  }
  assert.equal(await readPlugin(server.admin, "tickgate"), undefined);
});

test("missing definitions: each command says that Istio's CRDs are missing; the history is still there", async () => {
  await deletePlugin(server.admin, "tickgate");
  await server.removeDefinition("wasmplugins.extensions.istio.io");
  for (const args of [["status"], ["rollback"], ["remove"], rollout, ["rollout", "abort"]]) {
    const refused = await admin(...args);
    assert.equal(refused.code, 1, refused.stderr);
    assert.match(
      refused.stderr,
      /the API server does not know wasmplugins\.extensions\.istio\.io \(v1alpha1\)/,
    );
    assert.match(refused.stderr, /hint: Istio's CRDs are missing: is this the right cluster/);
  }
  const listed = await admin("history");
  assert.equal(listed.code, 0, listed.stderr);
  assert.match(listed.stdout, /removed/);
});
