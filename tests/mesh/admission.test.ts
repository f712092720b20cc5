import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { stringify } from "yaml";
import { ApiError } from "../../deploy/tool/cluster/failures.ts";
import { resources } from "../../deploy/tool/cluster/resources.ts";
import { parseJson } from "../../deploy/tool/json.ts";
import { root } from "../../scripts/lib/paths.ts";
import { waitFor } from "../../scripts/lib/process.ts";
import { temporaryDirectory, type TemporaryDirectory } from "../../scripts/lib/temporary.ts";
import { deploy, foldersOf, only, render, type Manifest } from "../manifests/lib/render.ts";
import { namespace, startApiServer, type ApiServer } from "./lib/api-server.ts";
import { runTickgate } from "./lib/tickgate.ts";

// What the API server says with deploy/policy applied. By dry runs: admission sees those as it sees the real thing.

const fixtures = join(root, "tests", "fixtures", "config");
const digest = "a".repeat(64);
const admitted = "admitted";

let server: ApiServer;
let stop: (() => Promise<void>) | undefined;
let production: Manifest;
let folder: TemporaryDirectory;

before(async () => {
  folder = await temporaryDirectory();
  server = await startApiServer();
  stop = () => server.stop();
  for (const manifest of await render(join(deploy, "policy"))) {
    await server.create(pluralOf(manifest), manifest, "v1", "admissionregistration.k8s.io");
  }
  production = pinned(only(await render(join(deploy, "overlays", "production")), "WasmPlugin"));
  await waitFor("the policy was in force", async () =>
    (await verdict(withSpec({ match: [] }))) === admitted ? undefined : true,
  );
});

after(async () => {
  await stop?.();
  await folder.remove();
});

function pluralOf({ kind }: Manifest): string {
  return kind.endsWith("Policy") ? "validatingadmissionpolicies" : "validatingadmissionpolicybindings";
}

/** The plugin with the digest of an image, as an operator sets it, in the namespace that the tests have. */
function pinned(plugin: Manifest): Manifest {
  const url = `oci://registry.example.com/trading/tickgate@sha256:${digest}`;
  return { ...plugin, metadata: { ...plugin.metadata, namespace }, spec: { ...Object(plugin.spec), url } };
}

/** The plugin of production with other parts in its spec and metadata; undefined takes a part away. */
function withSpec(spec: object, metadata: object = {}): Manifest {
  return {
    ...production,
    metadata: { ...production.metadata, ...metadata },
    spec: { ...Object(production.spec), ...spec },
  };
}

/** What the API server says about the creation of a plugin: `admitted`, the policy's message, or `CRD: ...`. */
async function verdict(plugin: object): Promise<string> {
  const call = { resource: resources.wasmPlugins, namespace, body: plugin, query: { dryRun: "All" } };
  try {
    await server.admin.request({ verb: "create", ...call });
    return admitted;
  } catch (error) {
    return saidBy(error);
  }
}

function saidBy(error: unknown): string {
  if (!(error instanceof ApiError)) throw error;
  const [, said] =
    /ValidatingAdmissionPolicy 'tickgate-wasmplugins' .* denied request: (.*)$/s.exec(error.message) ?? [];
  return said ?? `CRD: ${error.message}`;
}

test("every overlay is admitted once its image is set; as it is in the tree it is refused", async () => {
  for (const overlay of await foldersOf("overlays")) {
    const plugin = only(await render(join(deploy, "overlays", overlay)), "WasmPlugin");
    assert.deepEqual([overlay, await verdict(pinned(plugin))], [overlay, admitted]);
    assert.equal(
      await verdict({ ...plugin, metadata: { ...plugin.metadata, namespace } }),
      "spec.url: a digest of zeros is the one in deploy/base: set what `tickgate package` printed",
    );
  }
});

/** The configurations of a kind that are JSON at all: the API server has nothing else to judge. */
function configurations(kind: string): [name: string, config: unknown][] {
  return readdirSync(join(fixtures, kind)).flatMap((file): [string, unknown][] => {
    try {
      const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
        readFileSync(join(fixtures, kind, file)),
      );
      return [[basename(file, ".json"), JSON.parse(text)]];
    } catch {
      return [];
    }
  });
}

for (const [name, pluginConfig] of configurations("valid")) {
  test(`admits configuration ${name}`, async () => {
    assert.equal(await verdict(withSpec({ pluginConfig })), admitted);
  });
}

/** Faults that are gone once JSON has been read (a key or a digit given twice), or that CEL has no means to see. */
const beyondCel = new Set([
  "budget-dimension-twice",
  "dimension-values-twice",
  "document-null",
  "duplicate-key-escaped",
  "duplicate-key-root",
  "integer-nearly",
]);

/** What the filter says about each: `path: what is wrong`. */
const messages = parseJson<Readonly<Record<string, string>>>(
  readFileSync(join(fixtures, "messages.json"), "utf8"),
);
const parts = Object.keys(
  parseJson<{ properties: object }>(readFileSync(join(deploy, "schema", "tickgate.schema.json"), "utf8"))
    .properties,
);

for (const [name, pluginConfig] of configurations("invalid")) {
  test(`${beyondCel.has(name) ? "leaves to the filter" : "refuses"} configuration ${name}`, async () => {
    const said = await verdict(withSpec({ pluginConfig }));
    if (beyondCel.has(name)) return assert.equal(said, admitted);
    // The CRD itself wants an object.
    assert.match(said, name.startsWith("document-") ? /^CRD: .*pluginConfig/ : /^spec\.pluginConfig[.:]/);
    const [part = ""] = /^\w+/.exec(messages[name] ?? "") ?? [];
    // Which of several faults is told first may differ; and a value that holds control characters can't be shown.
    if (!parts.includes(part) || name.startsWith("order-") || name === "mode-escapes") return;
    assert.ok(said.startsWith(`spec.pluginConfig.${part}`), `${said}; the filter: ${messages[name] ?? ""}`);
  });
}

const url = "oci://registry.example.com/trading/tickgate";

for (const [what, spec, said] of [
  [
    "a tag alone",
    { url: `${url}:1.2.3` },
    /^spec\.url: .*tickgate:1\.2\.3 names no digest: end it in @sha256:/,
  ],
  ["a digest that is cut", { url: `${url}@sha256:${digest.slice(1)}` }, /^spec\.url: .* names no digest/],
  [
    "an upper-case digest",
    { url: `${url}@sha256:${digest.toUpperCase()}` },
    /^spec\.url: .* names no digest/,
  ],
  ["no scheme", { url: url.replace("oci://", "") }, /is not oci:\/\/\.\.\./],
  ["a file", { url: "file:///tmp/tickgate.wasm", sha256: digest }, /is not oci:\/\/\.\.\./],
  ["HTTP", { url: "https://example.com/tickgate.wasm", sha256: digest }, /is not oci:\/\/\.\.\./],
  ["two digests", { sha256: "b".repeat(64) }, /^spec\.sha256: is not the digest in spec\.url/],
  ["no match", { match: undefined }, /^spec\.match: every entry must have mode SERVER/],
  ["an empty match", { match: [] }, /^spec\.match: every entry must have mode SERVER/],
  ["outbound too", { match: [{ mode: "CLIENT_AND_SERVER" }] }, /^spec\.match: .*charged twice/],
  ["a match without a mode", { match: [{ ports: [{ number: 80 }] }] }, /^spec\.match: /],
  ["no selector", { selector: undefined }, /^spec\.selector\.matchLabels: is required/],
  ["an empty selector", { selector: { matchLabels: {} } }, /^spec\.selector\.matchLabels: is required/],
  [
    "a cold start of its own",
    { vmConfig: { env: [{ name: "TICKGATE_COLD_START", value: "allow" }] } },
    /TICKGATE_COLD_START is not one of refuse, pass/,
  ],
  [
    "a cold start of the host's",
    { vmConfig: { env: [{ name: "TICKGATE_COLD_START", valueFrom: "HOST" }] } },
    /TICKGATE_COLD_START is not one of refuse, pass/,
  ],
] as const) {
  test(`refuses ${what}`, async () => assert.match(await verdict(withSpec(spec)), said));
}

for (const [what, spec] of [
  ["a tag with the digest beside it", { url: `${url}:1.2.3`, sha256: digest }],
  ["the same digest twice", { sha256: digest }],
  ["no configuration", { pluginConfig: undefined }],
  ["a port of the inbound side", { match: [{ mode: "SERVER", ports: [{ number: 8080 }] }] }],
  ["a canary", { selector: { matchLabels: { "tickgate.dev/track": "canary" } } }],
  ["another fail strategy", { failStrategy: "FAIL_OPEN" }],
  ["a cold start", { vmConfig: { env: [{ name: "TICKGATE_COLD_START", value: "pass" }] } }],
  ["a variable of others", { vmConfig: { env: [{ name: "LOG_KEY", valueFrom: "HOST" }] } }],
] as const) {
  test(`admits ${what}`, async () => assert.equal(await verdict(withSpec(spec)), admitted));
}

const anybodys = { url: "http://example.com/plugin.wasm", pluginConfig: { quotas: "as they like" } };

test("admits plugins of others, whatever is in them", async () => {
  const { apiVersion, kind } = production;
  for (const spec of [anybodys, { ...anybodys, pluginName: "limiter" }]) {
    assert.equal(
      await verdict({ apiVersion, kind, metadata: { name: "limiter", namespace }, spec }),
      admitted,
    );
  }
  const metadata = { name: "not-tickgate", namespace, labels: { app: "tickgate" } };
  assert.equal(await verdict({ apiVersion, kind, metadata, spec: anybodys }), admitted);
});

for (const [by, metadata, spec] of [
  ["name", { name: "tickgate" }, {}],
  ["the name of a canary", { name: "tickgate-canary" }, {}],
  ["pluginName", { name: "limiter" }, { pluginName: "tickgate" }],
  ["label", { name: "limiter", labels: { "app.kubernetes.io/name": "tickgate" } }, {}],
] as const) {
  test(`knows a plugin of ours by ${by}`, async () => {
    const { apiVersion, kind } = production;
    const plugin = { apiVersion, kind, metadata: { ...metadata, namespace }, spec: { ...anybodys, ...spec } };
    assert.match(await verdict(plugin), /^spec\.url: /);
  });
}

test("updates are judged too: of a plugin that is ours, and of the update that would make it another's", async () => {
  const { apiVersion, kind } = production;
  const metadata = { name: "limiter", namespace };
  const ours = { ...production, metadata: { ...metadata, labels: { "app.kubernetes.io/name": "tickgate" } } };
  await server.create("wasmplugins", ours, "v1alpha1", "extensions.istio.io");
  const patch = (body: object): Promise<string> =>
    server.admin
      .request({
        verb: "patch",
        resource: resources.wasmPlugins,
        namespace,
        name: "limiter",
        contentType: "application/merge-patch+json",
        query: { dryRun: "All" },
        body: { apiVersion, kind, ...body },
      })
      .then(() => admitted, saidBy);
  assert.equal(await patch({ spec: { pluginConfig: { mode: "observe" } } }), admitted);
  assert.match(
    await patch({ spec: { pluginConfig: { mode: "off" } } }),
    /^spec\.pluginConfig\.mode: "off" is not one of/,
  );
  const disguised = { metadata: { labels: null }, spec: { pluginName: "limiter", url: anybodys.url } };
  assert.match(await patch(disguised), /^spec\.url: /);
});

test("the tool says what the policy says, and where it is; doctor sees that it is in force", async () => {
  const file = join(folder.path, "file.yaml");
  await writeFile(file, stringify(withSpec({ url: "file:///tmp/tickgate.wasm" })));
  const kubeconfig = server.kubernetes.kubeconfig;
  const refused = await runTickgate(kubeconfig, "deploy", "--namespace", namespace, "--manifest", file);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /spec\.url: file:\/\/\/tmp\/tickgate\.wasm is not oci:\/\/\.\.\./);
  assert.match(refused.stderr, /hint: an admission policy of the cluster refused it; see deploy\/policy/);
  const doctor = await runTickgate(kubeconfig, "doctor", "--namespace", namespace, "--manifest", file);
  assert.match(doctor.stdout, /ok +admission policy: tickgate-wasmplugins is bound/);
});

test("an Istio without FAIL_RELOAD: the API server refuses production, doctor says so before, fail-close is taken", async () => {
  const name = "wasmplugins.extensions.istio.io";
  const place = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/failStrategy/enum";
  await server.admin.request({
    verb: "patch",
    resource: resources.customResourceDefinitions,
    name,
    contentType: "application/json-patch+json",
    // As Istio 1.26 has it.
    body: [{ op: "replace", path: place, value: ["FAIL_CLOSE", "FAIL_OPEN"] }],
  });
  const said = await waitFor("the older definition was in force", async () => {
    const now = await verdict(production);
    return now === admitted ? undefined : now;
  });
  assert.match(said, /^CRD: .*spec\.failStrategy: Unsupported value: "FAIL_RELOAD"/);
  assert.equal(await verdict(withSpec({ failStrategy: "FAIL_CLOSE" })), admitted);
  const file = join(folder.path, "production.yaml");
  await writeFile(file, stringify(production));
  const kubeconfig = server.kubernetes.kubeconfig;
  const doctor = await runTickgate(kubeconfig, "doctor", "--namespace", namespace, "--manifest", file);
  assert.equal(doctor.code, 1);
  assert.match(
    doctor.stdout,
    /PROBLEM +CRD wasmplugins\.extensions\.istio\.io: accepts as failStrategy FAIL_CLOSE, FAIL_OPEN, not FAIL_RELOAD/,
  );
});
