import assert from "node:assert/strict";
import test from "node:test";
import { parse } from "yaml";
import { checkConfig } from "../../scripts/lib/config/check.ts";
import type { Config } from "../../scripts/lib/config/types.ts";
import { deployed, pluginConfig, readEnvoyYaml } from "../../scripts/lib/envoy/deployed.ts";
import { labelsOf, renderStatsSettings } from "../../scripts/lib/stats-settings.ts";

test("deploy/envoy/envoy.yaml has the settings that its own plugin configuration needs", async () => {
  const envoy = await readEnvoyYaml(deployed.path);
  const { value } = pluginConfig(envoy, deployed.listener).configuration ?? {};
  const checked = checkConfig(String(value));
  assert.ok(checked.ok);
  const { stats_config: settings }: { stats_config: unknown } = parse(
    renderStatsSettings(checked.config, "envoy"),
  );
  assert.deepEqual(envoy.stats_config, settings);
});

test("Istio's annotations name the same labels and buckets", () => {
  const pod = parse(renderStatsSettings({}, "istio-pod"));
  const { annotations } = pod.metadata;
  assert.equal(annotations["sidecar.istio.io/extraStatTags"], labelsOf({}).join(","));
  const buckets = JSON.parse(annotations["sidecar.istio.io/statsHistogramBuckets"]);
  assert.deepEqual(Object.keys(buckets).length, 3);
  const mesh = parse(renderStatsSettings({}, "istio-mesh"));
  assert.deepEqual(mesh.meshConfig.defaultConfig.extraStatTags, labelsOf({}));
});

function labelled(label: string): Config {
  return { dimensions: [{ label, header: "x-a" }] };
}

test("labels that tag rules would mix up are refused", () => {
  assert.throws(() => labelsOf(labelled("order_tag")), /order_tag and tag tag end alike/);
  assert.throws(() => labelsOf(labelled("cache")), /cache is a tag of the mesh already/);
  assert.throws(() => labelsOf(labelled("desk"), ["trading_desk"]), /desk and tag trading_desk/);
  assert.doesNotThrow(() => labelsOf(labelled("desk")));
});
