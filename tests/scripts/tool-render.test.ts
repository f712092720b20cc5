import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { durationMillis, parseLabels, portNumber } from "../../deploy/tool/cluster/arguments.ts";
import { connect, type Cluster } from "../../deploy/tool/cluster/connect.ts";
import { ApiError, readStatus } from "../../deploy/tool/cluster/failures.ts";
import type { Result, Revision } from "../../deploy/tool/cluster/history.ts";
import { applyPlugin, readPlugin, type WasmPluginSpec } from "../../deploy/tool/cluster/plugins.ts";
import { renderPlugin } from "../../deploy/tool/cluster/render.ts";
import { pathOf, resources } from "../../deploy/tool/cluster/resources.ts";
import { previousRevision } from "../../deploy/tool/delivery/back.ts";
import { readManifest } from "../../deploy/tool/delivery/source.ts";
import { CliError } from "../../scripts/lib/cli.ts";
import { checkConfig } from "../../scripts/lib/config/check.ts";
import { root } from "../../scripts/lib/paths.ts";
import { freePort } from "../../scripts/lib/ports.ts";
import { temporaryDirectory } from "../../scripts/lib/temporary.ts";
import { serveOnLoopback } from "./loopback.ts";
import { kubeconfigFor } from "./tickgate-process.ts";

const at = { namespace: "trading", name: "tickgate" };
const image = `oci://registry.example/tickgate@sha256:${"a".repeat(64)}`;
const plugin = renderPlugin(at, undefined, { image });

test("a plugin made from nothing but an image: after authentication, inbound, the stable track", () => {
  const { metadata, spec } = renderPlugin(at, undefined, { image, selector: { app: "engine" } });
  assert.equal(spec.phase, "AUTHZ");
  assert.equal(spec.pluginName, "tickgate");
  assert.deepEqual(spec.match, [{ mode: "SERVER" }]);
  assert.deepEqual(spec.selector?.matchLabels, { app: "engine", "tickgate.dev/track": "stable" });
  assert.equal(spec.failStrategy, "FAIL_CLOSE");
  // The SHA-256 of nothing: no pluginConfig reaches the filter as no bytes.
  assert.equal(metadata.annotations?.["tickgate.dev/config-hash"], "e3b0c442");
});

test("what is not changed stays as the base has it; a digest of its own goes with its image", () => {
  const base: WasmPluginSpec = {
    url: image,
    sha256: "a".repeat(64),
    failStrategy: "FAIL_OPEN",
    priority: 7,
    pluginConfig: { mode: "observe" },
    selector: { matchLabels: { app: "engine" } },
  };
  const same = renderPlugin(at, base, { config: {} }).spec;
  assert.deepEqual(
    [same.failStrategy, same.priority, same.sha256, same.pluginConfig],
    ["FAIL_OPEN", 7, "a".repeat(64), {}],
  );
  const next = renderPlugin(at, base, { image: image.replaceAll("a".repeat(64), "b".repeat(64)) }).spec;
  assert.equal(next.sha256, undefined);
  assert.deepEqual(next.pluginConfig, { mode: "observe" });
});

test("no image, and an image without a digest, are refused", () => {
  assert.throws(() => renderPlugin(at, undefined, {}), /no image was given/);
  assert.throws(() => renderPlugin(at, undefined, { image: "oci://r.example/t:1" }), /has no digest/);
});

test("the manifest of the base is one that deploy takes once it has an image", async () => {
  const spec = await readManifest(join(root, "deploy/base/tickgate.yaml"), "tickgate");
  assert.equal(checkConfig(JSON.stringify(spec.pluginConfig)).ok, true);
  assert.throws(() => renderPlugin(at, spec, {}), /has a digest of zeros, a placeholder that is no image/);
  const rendered = renderPlugin(at, spec, { image }).spec;
  assert.deepEqual(rendered.selector?.matchLabels, { "tickgate.dev/track": "stable" });
});

test("a manifest without the plugin names those it has; one that is not YAML says so", async (t) => {
  const folder = await temporaryDirectory();
  t.after(() => folder.remove());
  const path = join(folder.path, "m.yaml");
  await writeFile(path, "kind: WasmPlugin\nmetadata: {name: other}\nspec: {url: x}\n---\nkind: Service\n");
  await assert.rejects(readManifest(path, "tickgate"), /has no WasmPlugin tickgate, it has other/);
  const twice = ["a", "b"].map(
    (name) => `kind: WasmPlugin\nmetadata: {name: t, namespace: ${name}}\nspec: {url: x}\n`,
  );
  await writeFile(path, twice.join("---\n"));
  await assert.rejects(readManifest(path, "t"), /has WasmPlugin t 2 times: in a, b/);
  await writeFile(path, "a: [1");
  await assert.rejects(readManifest(path, "tickgate"), /is not YAML/);
});

test("arguments: durations, ports, labels", () => {
  assert.equal(durationMillis("timeout", "90s"), 90_000);
  assert.throws(() => durationMillis("timeout", "ten"), /--timeout ten is not a duration/);
  assert.throws(() => portNumber("admin-port", "0"), /--admin-port 0 is not a port/);
  assert.deepEqual(parseLabels("selector", "app=a,x.dev/y=b"), { app: "a", "x.dev/y": "b" });
  assert.throws(() => parseLabels("selector", "app in (a)"), /is not label=value/);
});

test("paths of calls", () => {
  const { wasmPlugins, pods } = resources;
  assert.equal(
    pathOf({ verb: "patch", resource: wasmPlugins, namespace: "a", name: "b", query: { force: "true" } }),
    "/apis/extensions.istio.io/v1alpha1/namespaces/a/wasmplugins/b?force=true",
  );
  assert.equal(pathOf({ verb: "list", resource: pods, namespace: "a" }), "/api/v1/namespaces/a/pods");
  assert.equal(
    pathOf({ verb: "list", resource: wasmPlugins }),
    "/apis/extensions.istio.io/v1alpha1/wasmplugins",
  );
});

test("an answer that is no Status keeps its text", () => {
  assert.deepEqual(readStatus("404 page not found\n"), { message: "404 page not found" });
  const call = { verb: "get", resource: resources.wasmPlugins, namespace: "a", name: "b" } as const;
  assert.equal(new ApiError(call, 404, readStatus("404 page not found")).isMissingObject, false);
  const refused = new ApiError(call, 403, {
    message: 'admission webhook "v.istio.io" denied the request: no',
  });
  assert.match(refused.message, /was refused: admission webhook/);
});

function revision(number: number, result: Result, url: string): Revision {
  return { revision: number, result, image: url, configHash: "", at: "", by: "", spec: { url } };
}

/** The revision to go back to where the cluster has the image `url`, or no plugin. */
function back(url: string | undefined, ...revisions: readonly Revision[]): number | undefined {
  return previousRevision(revisions, url === undefined ? undefined : { url })?.revision;
}

test("the revision to go back to", () => {
  const ran = revision(1, "running", "a");
  const failed = revision(3, "failed", "c");
  assert.equal(back("a"), undefined);
  assert.equal(back("a", ran), undefined);
  assert.equal(back("b", ran, revision(2, "running", "b")), 1);
  assert.equal(back("c", ran, revision(2, "running", "b"), failed), 2);
  // A rollout that was rolled back: the cluster has what ran before it.
  assert.equal(back("b", ran, revision(2, "running", "b"), revision(3, "rolled-back", "c")), 1);
  // What was taken back is not gone back to.
  assert.equal(back("a", ran, revision(2, "rolled-back", "b"), revision(3, "running", "a")), undefined);
  assert.equal(back(undefined, ran, revision(2, "removed", "b")), 2);
  // Edited by somebody since.
  assert.equal(back("x", ran, revision(2, "running", "b")), 2);
  assert.equal(back("x", ran, revision(2, "running", "b"), failed), 2);
});

/** An API server of our own making: for what a real one can't be asked to do. */
async function fakeServer(t: TestContext, answer: (response: ServerResponse) => void): Promise<Cluster> {
  return clusterAt(t, await serveOnLoopback(t, (_request, response) => answer(response)));
}

async function clusterAt(t: TestContext, port: number, firstAnswerMillis = 2000): Promise<Cluster> {
  const kubeconfig = await kubeconfigFor(t, `http://127.0.0.1:${port}`);
  return connect({ kubeconfig, firstAnswerMillis });
}

function kubeConfigOf(server: string): object {
  return {
    clusters: [{ name: "c", cluster: { server } }],
    users: [{ name: "u", user: { token: "t" } }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u", namespace: "trading" } }],
    "current-context": "x",
  };
}

async function writeKubeConfig(folder: string, content: object | string): Promise<string> {
  const path = join(folder, "config");
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

test("a server that drops connections, is overloaded and starts is asked again", async (t) => {
  let asked = 0;
  const cluster = await fakeServer(t, (response) => {
    asked += 1;
    if (asked === 1) response.destroy();
    else if (asked === 2) response.writeHead(503, { "retry-after": "0" }).end("starting");
    else if (asked === 3) response.writeHead(500).end("etcdserver: leader changed");
    else response.end(JSON.stringify({ metadata: at, spec: { url: image } }));
  });
  assert.equal(cluster.namespace, "trading");
  assert.equal((await readPlugin(cluster, "tickgate"))?.spec.url, image);
  assert.equal(asked, 4);
});

test("a server that never answers: the time is kept, the error says where to look", async (t) => {
  const cluster = await clusterAt(t, await freePort(), 300);
  const reads = [readPlugin(cluster, "tickgate"), readPlugin(cluster, "other"), applyPlugin(cluster, plugin)];
  const noted = t.mock.method(process.stderr, "write", () => true);
  const results = await Promise.allSettled(reads);
  noted.mock.restore();
  assert.equal(noted.mock.callCount(), 1, "all of them wait for the same");
  for (const result of results) {
    assert.ok(result.status === "rejected" && result.reason instanceof CliError);
    assert.match(result.reason.message, /did not answer within 0\.3 s: connect ECONNREFUSED/);
    assert.match(result.reason.hint ?? "", /is the VPN up.*--context/);
  }
});

async function hintOf(work: Promise<unknown>): Promise<string> {
  const [result] = await Promise.allSettled([work]);
  assert.ok(result.status === "rejected" && result.reason instanceof CliError);
  return result.reason.hint ?? "";
}

test("a change that may have arrived before the server fell silent: the error says so, of a read it does not", async (t) => {
  const cluster = await fakeServer(t, (response) => response.destroy());
  assert.match(await hintOf(applyPlugin(cluster, plugin)), /may or may not have happened/);
  assert.match(await hintOf(applyPlugin(cluster, plugin, { dryRun: true })), /is the VPN up/);
  assert.match(await hintOf(readPlugin(cluster, "tickgate")), /is the VPN up/);
});

test("a server of something else is named with what it answers", async (t) => {
  for (const status of [200, 302, 403, 404]) {
    const cluster = await fakeServer(t, (response) =>
      response.writeHead(status, { "content-type": "text/html; charset=utf-8" }).end("<html>log in"),
    );
    await assert.rejects(readPlugin(cluster, "tickgate"), (error: unknown) => {
      assert.ok(error instanceof CliError);
      assert.match(
        error.message,
        /^http:\/\/127\.0\.0\.1:\d+ does not answer as a Kubernetes API server \(.*text\/html/,
      );
      assert.equal(error.message.includes(`HTTP ${status}`), status !== 200);
      return true;
    });
  }
});

test("a name that no server has is an error at once", async (t) => {
  const folder = await temporaryDirectory();
  t.after(() => folder.remove());
  const kubeconfig = await writeKubeConfig(folder.path, kubeConfigOf("https://no-such-host.invalid:6443"));
  const cluster = await connect({ kubeconfig });
  await assert.rejects(readPlugin(cluster, "tickgate"), (error: unknown) => {
    assert.ok(error instanceof CliError);
    assert.match(error.message, /no-such-host\.invalid:6443 (can't be reached|did not answer)/);
    assert.match(error.hint ?? "", /is the VPN up.*--context/);
    return true;
  });
});

const good = kubeConfigOf("https://api.example:6443");
for (const [name, content, args, message, hint] of [
  ["a wrong context", good, { context: "y" }, /config has no context y$/, /^--context NAME; it has: x$/],
  ["no context chosen", { ...good, "current-context": "" }, {}, /has no current context$/, /it has: x$/],
  [
    "none at all",
    { ...good, contexts: [], "current-context": "" },
    {},
    /has no current context$/,
    /it has none$/,
  ],
  [
    "no such cluster",
    { ...good, clusters: [] },
    {},
    /has no cluster c, which its context x names$/,
    /--kubeconfig/,
  ],
  [
    "plain HTTP",
    kubeConfigOf("http://api.example"),
    {},
    /cluster c, http:\/\/api\.example, must be https$/,
    /https/,
  ],
  [
    "no URL",
    kubeConfigOf("api.example"),
    {},
    /cluster c, api\.example, is not a URL$/,
    /https:\/\/HOST:PORT/,
  ],
  ["an empty file", "", {}, /config can't be read: it is empty or no kubeconfig$/, /--kubeconfig FILE/],
  ["a text", "hello", {}, /has no current context$/, /it has none$/],
  ["no YAML", "a: [1", {}, /config can't be read: /, /--kubeconfig FILE/],
  [
    "a namespace that is none",
    good,
    { namespace: "A_B" },
    /^--namespace A_B is not a name/,
    /lower case letters/,
  ],
] as const) {
  test(`a kubeconfig with a fault is told in words: ${name}`, async (t) => {
    const folder = await temporaryDirectory();
    t.after(() => folder.remove());
    const kubeconfig = await writeKubeConfig(folder.path, content);
    await assert.rejects(connect({ kubeconfig, ...args }), (error: unknown) => {
      assert.ok(error instanceof CliError);
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /\n|undefined/);
      assert.match(error.hint ?? "", hint);
      return true;
    });
  });
}
