import assert from "node:assert/strict";
import { test } from "node:test";
import { canaryName, isCanaryOf } from "../../deploy/tool/cluster/canaries.ts";
import type { Pod } from "../../deploy/tool/cluster/pods.ts";
import type { PodAccess } from "../../deploy/tool/dataplane/access.ts";
import { configHash } from "../../deploy/tool/dataplane/config-dump.ts";
import { readPodState } from "../../deploy/tool/dataplane/state.ts";

const pod: Pod = { namespace: "trading", name: "engine-0", address: "127.0.0.1", labels: {}, ready: true };
const strict = '{"mode":"enforce"}';
const lax = '{"mode":"observe"}';

function resourceOf(name: string): string {
  return `extensions.istio.io/wasmplugin/trading.${name}`;
}

/** A proxy that was sent plugins, uses one of them in its listener, and shows configurations in its metrics. */
function proxy(sent: Readonly<Record<string, string>>, used: string, shown: readonly string[]): PodAccess {
  const filters = Object.entries(sent).map(([name, value]) => ({
    ecds_filter: {
      name: resourceOf(name),
      typed_config: {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        config: { configuration: { value } },
      },
    },
  }));
  const listener = { active_state: { listener: { name: resourceOf(used), config_discovery: {} } } };
  const stats = shown.map((config) => `tickgate_config_info{config="${configHash(config)}"} 1\n`).join("");
  const page = (path: string): string => {
    if (path.includes("ecds_filters")) return JSON.stringify({ configs: filters });
    if (path.includes("listeners")) return JSON.stringify({ configs: [listener] });
    return path.startsWith("/stats/prometheus") ? stats : "";
  };
  return { get: (_pod, _port, path) => Promise.resolve(page(path)) };
}

for (const [used, other] of [
  ["tickgate", "tickgate-canary"],
  ["tickgate-canary", "tickgate"],
] as const) {
  test(`while the listener of ${other} drains, the hash is that of ${used}`, async () => {
    const sent = { tickgate: strict, "tickgate-canary": lax };
    const state = await readPodState(proxy(sent, used, [strict, lax]), pod, [used]);
    assert.equal(state.configHash, configHash(sent[used]));
  });
}

test("a configuration that was sent and is not shown does not run", async () => {
  const state = await readPodState(proxy({ tickgate: lax }, "tickgate", [strict]), pod, ["tickgate"]);
  assert.equal(state.configHash, configHash(strict));
});

test("two rollouts have two canaries, and both are known as canaries of their plugin only", () => {
  const [first, second] = ["2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.001Z"].map((id) =>
    canaryName("tickgate", id),
  );
  assert.notEqual(first, second);
  assert.ok(isCanaryOf("tickgate", first ?? "") && isCanaryOf("tickgate", second ?? ""));
  assert.ok(!isCanaryOf("tick", first ?? ""));
  assert.ok(!isCanaryOf("tickgate", "tickgate") && !isCanaryOf("tickgate", "tickgate-canary-mine"));
});
