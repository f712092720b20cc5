import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readHistory, recordRevision, settleRevision } from "../../deploy/tool/cluster/history.ts";
import { deletePlugin, readPlugin } from "../../deploy/tool/cluster/plugins.ts";
import { resources } from "../../deploy/tool/cluster/resources.ts";
import { temporaryDirectory, type TemporaryDirectory } from "../../scripts/lib/temporary.ts";
import { deployerRights, image, namespace, startApiServer, type ApiServer } from "./lib/api-server.ts";
import { runTickgate, startTickgate } from "./lib/tickgate.ts";
import { waitFor } from "../../scripts/lib/process.ts";

// One API server for all: the tests below run one after the other.
let server: ApiServer;
let stop: (() => Promise<void>) | undefined;
let folder: TemporaryDirectory;
let configPath: string;

const quotas = [{ name: "orders", limit: 5 }];

before(async () => {
  folder = await temporaryDirectory();
  configPath = join(folder.path, "plugin.json");
  await writeFile(configPath, JSON.stringify({ quotas }));
  server = await startApiServer();
  stop = () => server.stop();
});

after(async () => {
  await stop?.();
  await folder.remove();
});

const admin = (): string => server.kubernetes.kubeconfig;
const inNamespace = ["--namespace", namespace] as const;

test("--dry-run and --diff ask the API server and change nothing", async () => {
  const dry = await runTickgate(
    admin(),
    "deploy",
    ...inNamespace,
    "--image",
    image,
    "--config",
    configPath,
    "--dry-run",
  );
  assert.equal(dry.code, 0, dry.stderr);
  assert.match(dry.stdout, /phase: AUTHZ/);
  assert.match(dry.stdout, /tickgate\.dev\/track: stable/);
  assert.match(dry.stdout, /limit: 5/);
  const diff = await runTickgate(
    admin(),
    "deploy",
    ...inNamespace,
    "--image",
    image,
    "--diff",
    "--output",
    "json",
  );
  assert.equal(diff.code, 0, diff.stderr);
  assert.match(diff.stdout, /\+ {2}url: oci:\/\/registry\.invalid/);
  assert.equal(await readPlugin(server.admin, "tickgate"), undefined);
  assert.deepEqual(await readHistory(server.admin, "tickgate"), []);
  const wrong = await runTickgate(
    admin(),
    "deploy",
    ...inNamespace,
    "--image",
    image,
    "--fail-strategy",
    "FAIL_SOFT",
    "--dry-run",
  );
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /--fail-strategy FAIL_SOFT is not one of/);
});

test("a configuration the filter would refuse is not sent, an image without a digest neither", async () => {
  await writeFile(join(folder.path, "bad.json"), JSON.stringify({ quotas: [{ name: "orders", limit: -5 }] }));
  const bad = await runTickgate(
    admin(),
    "deploy",
    ...inNamespace,
    "--image",
    image,
    "--config",
    join(folder.path, "bad.json"),
  );
  assert.equal(bad.code, 1);
  assert.match(bad.stderr, /quotas\[0\]\.limit: -5 is not in 1\.\.1000000000/);
  const tag = await runTickgate(
    admin(),
    "deploy",
    ...inNamespace,
    "--image",
    "oci://registry.invalid/tickgate:1.0",
  );
  assert.equal(tag.code, 2);
  assert.match(tag.stderr, /tickgate:1\.0 has no digest/);
  assert.equal(await readPlugin(server.admin, "tickgate"), undefined);
});

test("deploy, a second deploy of a part, history, rollback, remove, rollback", async () => {
  const first = await runTickgate(
    admin(),
    "deploy",
    ...inNamespace,
    "--image",
    image,
    "--config",
    configPath,
  );
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stdout, /no running pod with a sidecar is selected/);
  await writeFile(join(folder.path, "next.json"), JSON.stringify({ quotas: [{ name: "orders", limit: 9 }] }));
  const second = await runTickgate(
    admin(),
    "deploy",
    ...inNamespace,
    "--config",
    join(folder.path, "next.json"),
    "--fail-strategy",
    "FAIL_OPEN",
  );
  assert.equal(second.code, 0, second.stderr);
  const deployed = await readPlugin(server.admin, "tickgate");
  assert.equal(deployed?.spec.url, image);
  assert.equal(deployed.spec.failStrategy, "FAIL_OPEN");
  assert.deepEqual(deployed.spec.pluginConfig, { quotas: [{ name: "orders", limit: 9 }] });

  const back = await runTickgate(admin(), "rollback", ...inNamespace);
  assert.equal(back.code, 0, back.stderr);
  const restored = await readPlugin(server.admin, "tickgate");
  assert.deepEqual(restored?.spec.pluginConfig, { quotas });
  assert.equal(restored.spec.failStrategy, "FAIL_CLOSE");
  const revisions = await readHistory(server.admin, "tickgate");
  assert.deepEqual(
    revisions.map(({ revision, result, by }) => [revision, result, by]),
    [
      [1, "running", "admin"],
      [2, "rolled-back", "admin"],
      [3, "running", "admin"],
    ],
  );
  const nowhere = await runTickgate(admin(), "rollback", ...inNamespace, "--to", "77");
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.stderr, /there is no revision 77 .* kept are: 1, 2, 3/);

  const removed = await runTickgate(admin(), "remove", ...inNamespace);
  assert.equal(removed.code, 0, removed.stderr);
  assert.equal(await readPlugin(server.admin, "tickgate"), undefined);
  const again = await runTickgate(admin(), "rollback", ...inNamespace);
  assert.equal(again.code, 0, again.stderr);
  assert.deepEqual((await readPlugin(server.admin, "tickgate"))?.spec.pluginConfig, { quotas });
  const listed = await runTickgate(admin(), "history", ...inNamespace);
  assert.match(listed.stdout, /^ +3 +removed/m);
});

test("fields of others: the error names field and owner, nothing changes; --force-conflicts takes them", async () => {
  await server.applyAs("team-orders", { url: image, failStrategy: "FAIL_OPEN", priority: 7 });
  const untouched = await readPlugin(server.admin, "tickgate");
  const refused = await runTickgate(admin(), "deploy", ...inNamespace, "--fail-strategy", "FAIL_CLOSE");
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /spec\.failStrategy is owned by team-orders/);
  assert.match(refused.stderr, /--force-conflicts/);
  assert.deepEqual((await readPlugin(server.admin, "tickgate"))?.spec, untouched?.spec);
  const taken = await runTickgate(
    admin(),
    "deploy",
    ...inNamespace,
    "--fail-strategy",
    "FAIL_CLOSE",
    "--force-conflicts",
  );
  assert.equal(taken.code, 0, taken.stderr);
  assert.equal((await readPlugin(server.admin, "tickgate"))?.spec.failStrategy, "FAIL_CLOSE");
});

test("rights: with those of the list everything works; without one the error names verb, resource, namespace", async () => {
  const deployer = await server.userWith("deployer", deployerRights);
  const good = await runTickgate(deployer, "deploy", "--env", "TICKGATE_COLD_START=pass");
  assert.equal(good.code, 0, good.stderr);
  const last = (await readHistory(server.admin, "tickgate")).at(-1);
  assert.equal(last?.by, `system:serviceaccount:${namespace}:deployer`);

  const reader = deployerRights.map(({ verbs, ...right }) =>
    Object.assign(right, { verbs: right.resource === "wasmplugins" ? ["get", "list"] : verbs }),
  );
  const poor = await server.userWith("reader", reader);
  const refused = await runTickgate(poor, "deploy", "--env", "TICKGATE_COLD_START=refuse");
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    /not allowed to patch wasmplugins\.extensions\.istio\.io\/tickgate in namespace trading/,
  );
  assert.match(refused.stderr, /system:serviceaccount:trading:reader needs the verb patch on wasmplugins/);
  const doctor = await runTickgate(poor, "doctor");
  assert.equal(doctor.code, 1);
  assert.match(
    doctor.stdout,
    /PROBLEM +user system:serviceaccount:trading:reader: may not create, patch, delete wasmplugins\.extensions\.istio\.io in namespace trading/,
  );
});

test("an API server that crashes and comes back in the middle of a deploy", async () => {
  await server.kubernetes.crash();
  const child = await startTickgate(
    admin(),
    "deploy",
    ...inNamespace,
    "--config",
    configPath,
    "--env",
    "TICKGATE_COLD_START=pass",
  );
  await waitFor(
    "the tool saw the outage",
    () => child.lines().find((line) => line.includes("does not answer")),
    { timeoutMillis: 30_000, child },
  );
  await server.kubernetes.restart();
  const exit = await child.exited;
  assert.equal(exit.code, 0, child.lines().join("\n"));
  assert.match(child.lines().join("\n"), /answers again after/);
});

test("an object that is no history is named, and left alone", async () => {
  await server.admin.request({
    verb: "patch",
    resource: resources.configMaps,
    namespace,
    name: "tickgate-history",
    contentType: "application/merge-patch+json",
    body: { data: { "revisions.json": "hello" } },
  });
  const listed = await runTickgate(admin(), "history", ...inNamespace);
  assert.equal(listed.code, 1);
  assert.match(listed.stderr, /ConfigMap trading\/tickgate-history holds no history/);
  await server.admin.request({
    verb: "delete",
    resource: resources.configMaps,
    namespace,
    name: "tickgate-history",
  });
});

test("history: ten revisions are kept, and two writers lose nothing", async () => {
  const spec = { url: image };
  for (let i = 0; i < 8; i++)
    await recordRevision(server.admin, "busy", { spec, by: "x", result: "applied" });
  await Promise.all(
    [1, 2, 3].map((value) =>
      recordRevision(server.admin, "busy", { spec, by: `writer-${value}`, result: "applied" }),
    ),
  );
  const revisions = await readHistory(server.admin, "busy");
  assert.deepEqual(
    revisions.map(({ revision }) => revision),
    [2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
  );
  assert.equal(new Set(revisions.slice(-3).map(({ by }) => by)).size, 3);
  await settleRevision(server.admin, "busy", 11, { result: "failed", note: "why" });
  assert.equal((await readHistory(server.admin, "busy")).at(-1)?.note, "why");
});

test("missing definitions: deploy and doctor say so", async () => {
  await deletePlugin(server.admin, "tickgate");
  await server.removeDefinition("wasmplugins.extensions.istio.io");
  const refused = await runTickgate(admin(), "deploy", ...inNamespace, "--image", image);
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    /the API server does not know wasmplugins\.extensions\.istio\.io \(v1alpha1\)/,
  );
  assert.match(refused.stderr, /Istio's CRDs are missing/);
  const doctor = await runTickgate(admin(), "doctor", ...inNamespace);
  assert.equal(doctor.code, 1);
  assert.match(doctor.stdout, /PROBLEM +CRD wasmplugins\.extensions\.istio\.io: is not there/);
});
