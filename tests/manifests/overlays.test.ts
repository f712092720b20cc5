import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { test } from "node:test";
import { checkFiles } from "../../deploy/tool/config/check-files.ts";
import { checkConfig } from "../../scripts/lib/config/check.ts";
import { temporaryDirectory } from "../../scripts/lib/temporary.ts";
import { judge } from "../host/configuration.ts";
import {
  at,
  deploy,
  foldersOf,
  only,
  parseManifests,
  render,
  renderText,
  renderWith,
  type Manifest,
} from "./lib/render.ts";

const overlays = await foldersOf("overlays");
const rendered = new Map(
  await Promise.all(
    overlays.map(async (name) => [name, await render(join(deploy, "overlays", name))] as const),
  ),
);

function plugin(overlay: string): Manifest {
  return only(rendered.get(overlay) ?? [], "WasmPlugin");
}

test("the overlays are those that people are told of", () => {
  assert.deepEqual(overlays, ["dev", "production", "staging"]);
});

for (const overlay of overlays) {
  test(`${overlay}: the filter and the tools accept its configuration`, () => {
    const document = JSON.stringify(at(plugin(overlay), "spec", "pluginConfig"));
    assert.deepEqual(checkConfig(document), { ok: true, config: JSON.parse(document) as unknown });
    assert.equal(judge(document), "accepted");
  });

  test(`${overlay}: selects the stable track, inbound, after authentication, by digest`, () => {
    const { spec } = plugin(overlay);
    assert.deepEqual(at(spec, "selector"), { matchLabels: { "tickgate.dev/track": "stable" } });
    assert.deepEqual(at(spec, "match"), [{ mode: "SERVER" }]);
    assert.equal(at(spec, "phase"), "AUTHZ");
    assert.equal(at(spec, "pluginName"), "tickgate");
    assert.match(String(at(spec, "url")), /^oci:\/\/[^@]+@sha256:[0-9a-f]{64}$/);
  });

  test(`${overlay}: everything is in its namespace, the subject of the binding too`, () => {
    const expected = overlay === "production" ? "trading" : `trading-${overlay}`;
    const manifests = rendered.get(overlay) ?? [];
    assert.deepEqual([...new Set(manifests.map(({ metadata }) => metadata.namespace))], [expected]);
    assert.equal(at(only(manifests, "RoleBinding"), "subjects", 0, "namespace"), expected);
  });
}

/** Every path at which two documents differ, `spec.pluginConfig.mode`. */
function differences(one: unknown, other: unknown, path = ""): string[] {
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) {
    return one === other ? [] : [path];
  }
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...keys].flatMap((key) =>
    differences(at(one, key), at(other, key), path === "" ? key : `${path}.${key}`),
  );
}

function nameOf({ kind, metadata }: Manifest): string {
  return `${kind} ${metadata.name}`;
}

/** What an environment may have of its own. */
const ownOf: Readonly<Record<string, readonly RegExp[]>> = {
  dev: [
    /^metadata\.namespace$/,
    /^subjects\.0\.namespace$/,
    /^spec\.failStrategy$/,
    /^spec\.pluginConfig\.mode$/,
  ],
  staging: [
    /^metadata\.namespace$/,
    /^subjects\.0\.namespace$/,
    /^spec\.pluginConfig\.quotas\.\d(\.tiers\.\w+)?\.(limit|burst)$/,
  ],
};

for (const overlay of overlays.filter((name) => name !== "production")) {
  test(`${overlay} differs from production in nothing but what it must`, () => {
    const [own = [], production = []] = [rendered.get(overlay), rendered.get("production")];
    assert.deepEqual(own.map(nameOf), production.map(nameOf));
    const found = own.flatMap((manifest, index) => differences(manifest, production[index]));
    const allowed = ownOf[overlay] ?? [];
    assert.deepEqual(
      found.filter((path) => !allowed.some((rule) => rule.test(path))),
      [],
    );
    for (const rule of allowed)
      assert.ok(
        found.some((path) => rule.test(path)),
        `${String(rule)} is allowed in vain`,
      );
  });
}

test("what each environment does", () => {
  const seen = overlays.map((name) => [
    name,
    at(plugin(name), "spec", "failStrategy"),
    at(plugin(name), "spec", "pluginConfig", "mode"),
    at(plugin(name), "spec", "pluginConfig", "quotas", 0, "limit"),
  ]);
  assert.deepEqual(seen, [
    ["dev", "FAIL_OPEN", "observe", 100],
    ["production", "FAIL_RELOAD", "enforce", 100],
    ["staging", "FAIL_RELOAD", "enforce", 10],
  ]);
});

for (const [overlay, expected] of [
  ["dev", [/failStrategy: FAIL_OPEN/, /mode: observe/]],
  ["production", []],
  ["staging", []],
] as const) {
  test(`${overlay}: tickgate config check warns of ${expected.length === 0 ? "nothing" : "what it is meant to do"}`, async (t) => {
    const folder = await temporaryDirectory();
    t.after(() => folder.remove());
    const file = join(folder.path, "manifest.yaml");
    const text = await renderText(join(deploy, "overlays", overlay));
    await writeFile(file, text);
    const unset = (await checkFiles([file])).findings.filter(({ severity }) => severity === "error");
    assert.deepEqual(
      unset.map(({ path }) => path),
      ["spec.url"],
      "zeros are no image",
    );
    await writeFile(file, text.replace("0".repeat(64), "a".repeat(64)));
    const { findings } = await checkFiles([file]);
    const said = findings.map(({ path, message }) => `${path}: ${message}`);
    assert.equal(said.length, expected.length, said.join("\n"));
    for (const [index, pattern] of expected.entries()) assert.match(said[index] ?? "", pattern);
  });
}

test("a patch of staging refuses a base whose quotas have moved", async (t) => {
  const moved = { op: "replace", path: "/spec/pluginConfig/quotas/1/name", value: "another" };
  const patch = await readFile(join(deploy, "overlays", "staging", "tenth.yaml"), "utf8");
  const target = { kind: "WasmPlugin", name: "tickgate" };
  const patches = [
    { target, patch: JSON.stringify([moved]) },
    { target, patch },
  ];
  await assert.rejects(renderWith(t, "base", { patches }), /quotas\/1\/name/);
});

test("kustomize sets the image of the plugin, digest and all", async (t) => {
  const digest = `sha256:${"0123456789abcdef".repeat(4)}`;
  const name = "oci://registry.example.com/trading/tickgate";
  const images = [{ name, newName: "oci://registry.test:5000/mesh/tickgate", digest }];
  const manifests = await renderWith(t, "overlays/production", { images });
  assert.equal(
    at(only(manifests, "WasmPlugin"), "spec", "url"),
    `oci://registry.test:5000/mesh/tickgate@${digest}`,
  );
});

test("a file holds the objects that it is named after", async () => {
  for (const folder of ["base", "policy"]) {
    const files = (await readdir(join(deploy, folder))).filter((name) => name.startsWith("tickgate"));
    for (const file of files) {
      const manifests = parseManifests(await readFile(join(deploy, folder, file), "utf8"));
      const names = new Set(manifests.map(({ metadata }) => metadata.name));
      assert.deepEqual([...names], [basename(file, ".yaml")]);
    }
  }
});
