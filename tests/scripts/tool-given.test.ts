import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { parseJson } from "../../deploy/tool/json.ts";
import { freePort } from "../../scripts/lib/ports.ts";
import { temporaryDirectory } from "../../scripts/lib/temporary.ts";
import {
  kubeconfigFor,
  startApiServer,
  tickgate,
  type Answer,
  type FakeApiServer,
} from "./tickgate-process.ts";

// What a command line names is judged before a cluster is asked, and told in the words of who wrote it.

const image = `oci://registry.example/tickgate@sha256:${"a".repeat(64)}`;
const quotas = [{ name: "orders", limit: 5 }];
const missing = {
  status: 404,
  json: { kind: "Status", reason: "NotFound", message: "not found", details: { name: "tickgate" } },
} as const;

interface Plugin {
  readonly spec: { readonly url: string; readonly pluginConfig: Readonly<Record<string, unknown>> };
}

/** A cluster that has the plugin with this configuration, and merges what is applied by taking it. */
function clusterWith(t: TestContext, pluginConfig: object | undefined): Promise<FakeApiServer> {
  const metadata = { name: "tickgate", namespace: "trading" };
  return startApiServer(t, ({ method, body }): Answer => {
    if (method === "PATCH") return { json: parseJson<unknown>(body) };
    return pluginConfig === undefined ? missing : { json: { metadata, spec: { url: image, pluginConfig } } };
  });
}

for (const [name, before] of [
  ["is written", { mode: "enforce", quotas }],
  ["is the default", { quotas }],
  ["was changed already", { mode: "observe", quotas }],
] as const) {
  test(`deploy --mode changes the mode that ${name}, and nothing else`, async (t) => {
    const { kubeconfig } = await clusterWith(t, before);
    const args = ["deploy", "--mode", "observe", "--dry-run", "--output", "json"];
    const ran = await tickgate([...args, "--kubeconfig", kubeconfig]);
    assert.equal(ran.code, 0, ran.stderr);
    const { plugin } = parseJson<{ plugin: Plugin }>(ran.stdout);
    assert.deepEqual(plugin.spec.pluginConfig, { ...before, mode: "observe" });
    assert.equal(plugin.spec.url, image);
  });
}

test("deploy --mode without a plugin says so, and changes nothing", async (t) => {
  const server = await clusterWith(t, undefined);
  const ran = await tickgate(["deploy", "--mode", "observe", "--kubeconfig", server.kubeconfig]);
  assert.equal(ran.code, 1);
  assert.match(
    ran.stderr,
    /there is no WasmPlugin tickgate in namespace trading whose mode could be changed/,
  );
  assert.match(ran.stderr, /hint: --namespace and --name choose another; tickgate deploy --manifest/);
  assert.deepEqual(
    server.requests.filter((line) => !line.startsWith("GET")),
    [],
  );
});

for (const [args, code, expected] of [
  [["deploy", "--mode", "off"], 2, /--mode off is not enforce or observe/],
  [["deploy", "--mode", "observe", "--config", "x.json"], 2, /--mode and --config exclude each other/],
  [["deploy", "--config", "no-such.json"], 1, /no-such\.json can't be read: no such file/],
  [["deploy", "--manifest", "no-such.yaml"], 1, /no-such\.yaml can't be read: no such file/],
  [["deploy", "--config", "."], 1, /\. can't be read: it is a directory/],
  [["deploy", "--image", "foo"], 2, /--image foo has no digest/],
  [
    ["deploy", "--image", `oci://r.io/a@sha256:${"0".repeat(64)}`],
    2,
    /has a digest of zeros, a placeholder that is no image/,
  ],
  [["deploy", "--fail-strategy", "FOO"], 2, /--fail-strategy FOO is not one of FAIL_CLOSE, /],
  [["deploy", "--istiod", "foo"], 2, /--istiod foo is not a URL/],
  [["status", "--istiod", "localhost:15014"], 2, /--istiod localhost:15014 is not a URL/],
  [["rollout", "--config", "x.json", "--steps", "foo"], 2, /--steps foo is not a list of percentages/],
  [["rollout", "--config", "x.json", "--window", "foo"], 2, /--window foo is not a duration/],
  [["rollout", "--config", "x.json", "--strategy", "foo"], 2, /--strategy foo is not known/],
  [["rollout", "--config", "no-such.json"], 1, /no-such\.json can't be read: no such file/],
  [["rollout", "--image", "foo"], 2, /--image foo has no digest/],
  [["rollout", "--image", image, "--prometheus", "foo"], 2, /--prometheus foo is not a URL/],
  [["rollout", "--resume", "--approval-timeout", "soon"], 2, /--approval-timeout soon is not a duration/],
  [["rollout", "abort", "--approval-timeout", "soon"], 2, /--approval-timeout soon is not a duration/],
  [["doctor", "--config", "no-such.json"], 1, /no-such\.json can't be read: no such file/],
  [["rollback", "--to", "foo"], 2, /--to foo is not a number of a revision/],
] as const) {
  test(`${args.join(" ").slice(0, 60)} is refused before a cluster is looked for (${code})`, async (t) => {
    const folder = await temporaryDirectory();
    t.after(() => folder.remove());
    const kubeconfig = join(folder.path, "no-kubeconfig");
    const ran = await tickgate([...args, "--kubeconfig", kubeconfig], { cwd: folder.path });
    assert.match(ran.stderr, expected);
    assert.equal(ran.code, code, ran.stderr);
  });
}

test("without a kubeconfig it is said where it was looked for", async (t) => {
  const folder = await temporaryDirectory();
  t.after(() => folder.remove());
  const { code, stderr } = await tickgate(["status"], { env: { HOME: folder.path } });
  assert.equal(code, 1);
  const home = join(folder.path, ".kube", "config");
  const places = `no --kubeconfig, no KUBECONFIG, no ${home}, and this is no pod of a cluster`;
  assert.equal(
    stderr,
    `error: there is no kubeconfig: ${places}\n  hint: --kubeconfig FILE, or set KUBECONFIG\n`,
  );
});

for (const command of ["status", "doctor"]) {
  test(`${command}: a server that is not there is waited for as long as told, once, and told as JSON`, async (t) => {
    const port = await freePort();
    const kubeconfig = await kubeconfigFor(t, `http://127.0.0.1:${port}`);
    const reach = ["--kubeconfig", kubeconfig, "--timeout", "1s"];
    const ran = await tickgate([command, "--output", "json", ...reach]);
    assert.equal(ran.code, 1);
    assert.equal(ran.stderr.match(/trying again/g)?.length, 1, ran.stderr);
    const { ok, error, hint } = parseJson<Record<string, unknown>>(ran.stdout);
    assert.equal(ok, false);
    assert.match(String(error), /the API server http:\/\/127\.0\.0\.1:\d+ did not answer within 1 s/);
    assert.match(String(hint), /is the VPN up/);
  });
}

test("of several plugins in a manifest one is taken, and it is said which are not", async (t) => {
  const { kubeconfig } = await clusterWith(t, undefined);
  const folder = await temporaryDirectory();
  t.after(() => folder.remove());
  const objects = ["tickgate", "tickgate-orders", "other"].map((name) => ({
    kind: "WasmPlugin",
    metadata: { name },
    spec: { url: image, pluginName: name === "other" ? "other" : "tickgate" },
  }));
  const path = join(folder.path, "plugins.yaml");
  await writeFile(path, objects.map((object) => JSON.stringify(object)).join("\n---\n"));
  const ran = await tickgate(["deploy", "--manifest", path, "--dry-run", "--kubeconfig", kubeconfig]);
  assert.equal(ran.code, 0, ran.stderr);
  assert.match(
    ran.stderr,
    /^only WasmPlugin tickgate is taken from .*; it also has tickgate-orders: --name chooses/,
  );
  assert.match(ran.stdout, /^ {2}name: tickgate$/m);
});

test("an empty configuration is no configuration", async (t) => {
  const folder = await temporaryDirectory();
  t.after(() => folder.remove());
  await writeFile(join(folder.path, "empty.json"), "\n");
  const ran = await tickgate(["deploy", "--config", "empty.json"], { cwd: folder.path });
  assert.equal(ran.code, 1);
  assert.match(ran.stderr, /empty\.json is empty: \{\} is the configuration with all defaults/);
});
