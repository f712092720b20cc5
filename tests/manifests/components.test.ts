import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { root } from "../../scripts/lib/paths.ts";
import { checkConfig } from "../../scripts/lib/config/check.ts";
import type { Config } from "../../scripts/lib/config/types.ts";
import { renderStatsSettings } from "../../scripts/lib/stats-settings.ts";
import { at, deploy, foldersOf, only, render, renderWith } from "./lib/render.ts";

/** The annotations that the pods need for the configuration of a folder. */
async function neededAnnotations(folder: string): Promise<unknown> {
  const manifests = await render(join(deploy, folder));
  const checked = checkConfig(JSON.stringify(at(only(manifests, "WasmPlugin"), "spec", "pluginConfig")));
  const config: Config = checked.ok ? checked.config : assert.fail(`${folder} has an invalid configuration`);
  const settings: unknown = parse(renderStatsSettings(config, "istio-pod"));
  return at(settings, "metadata", "annotations");
}

const app = await render(join(root, "tests", "manifests", "app"));
const workloads = [
  { kind: "Deployment", own: { "sidecar.istio.io/proxyCPU": "500m" }, name: "trading-engine" },
  { kind: "StatefulSet", own: {}, name: "risk-book" },
];

for (const folder of ["base", ...(await foldersOf("overlays")).map((name) => `overlays/${name}`)]) {
  for (const { kind, own, name } of workloads) {
    test(`trading-pods: a ${kind} gets what the configuration of ${folder} needs`, async () => {
      const pods = at(only(app, kind), "spec", "template", "metadata");
      assert.deepEqual(at(pods, "annotations"), { ...own, ...Object(await neededAnnotations(folder)) });
      assert.deepEqual(at(pods, "labels"), { app: name, "tickgate.dev/track": "stable" });
    });
  }
}

test("trading-pods: leaves the selector of a workload alone, which can't be changed", () => {
  assert.deepEqual(at(only(app, "Deployment"), "spec", "selector"), {
    matchLabels: { app: "trading-engine" },
  });
});

for (const [component, strategy] of [
  ["fail-reload", "FAIL_RELOAD"],
  ["fail-open", "FAIL_OPEN"],
  ["fail-close", "FAIL_CLOSE"],
] as const) {
  test(`${component}: sets failStrategy and nothing else`, async (t) => {
    const [plain, changed] = await Promise.all([
      renderWith(t, "base", {}),
      renderWith(t, "base", { components: [`components/${component}`] }),
    ]);
    const expected = { ...Object(only(plain, "WasmPlugin").spec), failStrategy: strategy };
    assert.deepEqual(only(changed, "WasmPlugin").spec, expected);
  });
}

test("an overlay on top of production for an Istio without FAIL_RELOAD: the later component wins", async (t) => {
  for (const [component, strategy] of [
    ["fail-close", "FAIL_CLOSE"],
    ["fail-open", "FAIL_OPEN"],
  ] as const) {
    const manifests = await renderWith(t, "overlays/production", { components: [`components/${component}`] });
    assert.equal(at(only(manifests, "WasmPlugin"), "spec", "failStrategy"), strategy);
  }
});

test("cold-start-pass: sets the variable of the VM and nothing else", async (t) => {
  const [plain, changed] = await Promise.all([
    renderWith(t, "overlays/production", {}),
    renderWith(t, "overlays/production", { components: ["components/cold-start-pass"] }),
  ]);
  const env = [{ name: "TICKGATE_COLD_START", value: "pass" }];
  const expected = { ...Object(only(plain, "WasmPlugin").spec), vmConfig: { env } };
  assert.deepEqual(only(changed, "WasmPlugin").spec, expected);
});

test("every component is one that people are told of", async () => {
  const known = ["cold-start-pass", "fail-close", "fail-open", "fail-reload", "trading-pods"];
  assert.deepEqual(await foldersOf("components"), known);
});
