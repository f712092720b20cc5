import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { stringify } from "yaml";
import { runToEnd } from "../../scripts/lib/process.ts";
import { provisionKubeconform } from "../../scripts/lib/provision/manifest-tools.ts";
import { temporaryDirectory, type TemporaryDirectory } from "../../scripts/lib/temporary.ts";
import { root } from "../../scripts/lib/paths.ts";
import { appliedFolders, deploy, foldersOf, renderText, renderWith } from "./lib/render.ts";
import { schemaFiles, writeSchemas } from "./lib/schemas.ts";

let schemas: TemporaryDirectory;

before(async () => {
  schemas = await temporaryDirectory();
  await writeSchemas(schemas.path);
});

after(() => schemas.remove());

interface Judgement {
  readonly resources: readonly { readonly kind: string; readonly status: string; readonly msg: string }[];
}

/** What kubeconform says about each object of a YAML stream, strictly: unknown fields and kinds are errors. */
async function judgements(text: string): Promise<string[]> {
  const kubeconform = await provisionKubeconform();
  const file = join(schemas.path, "manifests.yaml");
  await writeFile(file, text);
  const args = [
    "-strict",
    "-verbose",
    "-output",
    "json",
    "-schema-location",
    join(schemas.path, schemaFiles),
    file,
  ];
  const result = await runToEnd({
    name: "kubeconform",
    command: kubeconform.path,
    args,
    timeoutMillis: 60_000,
  });
  const { resources }: Judgement = JSON.parse(result.stdout);
  return resources.map(({ kind, status, msg }) => `${kind}: ${status}${msg === "" ? "" : `: ${msg}`}`);
}

for (const folder of await appliedFolders()) {
  test(`${folder} keeps to the schemas of Kubernetes and Istio`, async () => {
    const found = await judgements(await renderText(join(deploy, folder)));
    const kinds =
      folder === "policy"
        ? ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"]
        : ["Role", "RoleBinding", "ServiceAccount", "WasmPlugin"];
    assert.deepEqual(
      found.toSorted(),
      kinds.map((kind) => `${kind}: statusValid`),
    );
  });
}

test("an application with the component keeps to the schemas", async () => {
  const found = await judgements(await renderText(join(root, "tests", "manifests", "app")));
  assert.deepEqual(found.toSorted(), ["Deployment: statusValid", "StatefulSet: statusValid"]);
});

test("production with every component of the filter keeps to the schemas", async (t) => {
  for (const name of (await foldersOf("components")).filter((component) => component !== "trading-pods")) {
    const manifests = await renderWith(t, "overlays/production", { components: [`components/${name}`] });
    const found = await judgements(manifests.map((manifest) => stringify(manifest)).join("---\n"));
    assert.deepEqual([name, found.filter((line) => !line.endsWith("statusValid"))], [name, []]);
  }
});

for (const [what, from, to, expected] of [
  ["a misspelt field", "failStrategy:", "failureStrategy:", /^WasmPlugin: statusInvalid.*failureStrategy/],
  ["an unknown value", "phase: AUTHZ", "phase: LATE", /^WasmPlugin: statusInvalid.*phase/],
  ["a misspelt field of Kubernetes", "roleRef:", "roleReference:", /^RoleBinding: statusInvalid.*roleRef/],
  ["a kind of nobody", "kind: Role\n", "kind: Rolle\n", /^Rolle: statusError/],
] as const) {
  test(`the schemas refuse ${what}`, async () => {
    const text = await renderText(join(deploy, "overlays", "production"));
    assert.ok(text.includes(from));
    const found = await judgements(text.replace(from, to));
    assert.ok(
      found.some((line) => expected.test(line)),
      found.join("\n"),
    );
  });
}
