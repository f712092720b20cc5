import assert from "node:assert/strict";
import { test } from "node:test";
import type { WasmPluginSpec } from "../../deploy/tool/cluster/plugins.ts";
import { configHash, type SeenPlugin } from "../../deploy/tool/dataplane/config-dump.ts";
import { standingOf, type StandingKind } from "../../deploy/tool/dataplane/standing.ts";
import type { PodState } from "../../deploy/tool/dataplane/state.ts";

const digest = "a".repeat(64);
const spec: WasmPluginSpec = {
  url: `oci://registry.example/tickgate@sha256:${digest}`,
  pluginConfig: { mode: "observe" },
  failStrategy: "FAIL_CLOSE",
  vmConfig: { env: [{ name: "TICKGATE_COLD_START", value: "pass" }] },
};
const expected = { namespace: "trading", name: "tickgate", spec };
const resource = "extensions.istio.io/wasmplugin/trading.tickgate";
const configuration = '{"mode":"observe"}';

const plugin: SeenPlugin = {
  resource,
  spelling: "1.26",
  namespace: "trading",
  name: "tickgate",
  receivedMillis: 1,
  rootId: "tickgate",
  code: `/var/lib/istio/data/x/${digest}.wasm`,
  configuration,
  env: { TICKGATE_COLD_START: "pass" },
  failurePolicy: "FAIL_CLOSED",
};

/** A pod on which all is well, but for what is given. */
function stateWith(changes: Partial<PodState>, seen: Partial<SeenPlugin> = {}): PodState {
  return {
    plugins: [{ ...plugin, ...seen }],
    rbacFallback: undefined,
    versions: ["0_1_0"],
    version: "0_1_0",
    configHash: configHash(configuration),
    configOk: true,
    series: 1,
    deniedTotal: 0,
    violationsTotal: 0,
    failuresTotal: 0,
    unlabelled: false,
    listeners: { used: new Set([resource]), errors: [] },
    updates: new Map(),
    ...changes,
  };
}

interface Case {
  readonly when: string;
  readonly state: PodState;
  readonly kind: StandingKind;
  readonly reason: RegExp;
  readonly nack?: string;
  readonly version?: string;
}

const cases: readonly Case[] = [
  { when: "all is well", state: stateWith({}), kind: "running", reason: /runs it/ },
  { when: "no plugin", state: stateWith({ plugins: [] }), kind: "absent", reason: /pass unfiltered/ },
  {
    when: "another team's plugin only",
    state: stateWith({}, { name: "theirs" }),
    kind: "absent",
    reason: /it has trading\.theirs/,
  },
  {
    when: "the agent's deny-all",
    state: stateWith({}, { fallback: "deny" }),
    kind: "denying",
    reason: /REFUSES ALL REQUESTS with 403: its agent can't fetch oci:/,
  },
  {
    when: "the agent's allow-all",
    state: stateWith({}, { fallback: "allow" }),
    kind: "bypassed",
    reason: /lets all requests pass unfiltered/,
  },
  {
    when: "a refused listener",
    state: stateWith({ listeners: { used: new Set(), errors: ["Unable to create Wasm plugin"] } }),
    kind: "unreferenced",
    reason: /no listener uses it.*Unable to create/,
  },
  {
    when: "the old configuration",
    state: stateWith({}, { configuration: "{}" }),
    kind: "previous",
    reason: /new configuration/,
  },
  {
    when: "the old image",
    state: stateWith({}, { code: `/var/lib/istio/data/x/${"b".repeat(64)}.wasm` }),
    kind: "previous",
    reason: /new image/,
  },
  { when: "the old variables", state: stateWith({}, { env: {} }), kind: "previous", reason: /new variables/ },
  {
    when: "the old fail strategy",
    state: stateWith({}, { failurePolicy: "FAIL_OPEN" }),
    kind: "previous",
    reason: /new fail strategy/,
  },
  {
    when: "a name of the module that tells nothing",
    state: stateWith({}, { code: "/modules/tickgate.wasm" }),
    kind: "running",
    reason: /runs it/,
  },
  {
    when: "the old hash in the metrics",
    state: stateWith({ configHash: "00000000" }),
    kind: "refused",
    reason:
      /refused configuration [0-9a-f]{8} or its module, and still runs configuration 00000000 \(version 0\.1\.0\)/,
  },
  {
    when: "a rejected update with the same configuration",
    state: stateWith({ nack: "Envoy rejected the last update of trading.tickgate" }),
    kind: "refused",
    reason: /refused the new module.*Envoy rejected/,
  },
  {
    when: "istiod's word about this plugin",
    state: stateWith({}),
    nack: "Unable to create Wasm plugin trading.tickgate~x",
    kind: "refused",
    reason: /Unable to create Wasm plugin trading\.tickgate/,
  },
  {
    when: "istiod's word about another plugin",
    state: stateWith({}),
    nack: "Unable to create Wasm plugin trading.other",
    kind: "running",
    reason: /runs it/,
  },
  {
    when: "the moment after the old context took its hash away",
    state: stateWith({ configHash: undefined }),
    kind: "loading",
    reason: /^runs the filter, which has not said yet with which configuration$/,
  },
  {
    when: "a filter that does not run at all",
    state: stateWith({ configHash: undefined, version: undefined, configOk: undefined }),
    kind: "loading",
    reason: /does not run: all requests get 500/,
  },
  {
    when: "a cold start that passes",
    state: stateWith({ configOk: false, configHash: undefined }),
    kind: "cold",
    reason: /traffic passes unfiltered/,
  },
  {
    when: "no tags",
    state: stateWith({ unlabelled: true, configHash: undefined }),
    kind: "unlabelled",
    reason: /restart the pod/,
  },
  {
    when: "the old version",
    state: stateWith({}),
    version: "0_2_0",
    kind: "loading",
    reason: /version 0\.1\.0, not 0\.2\.0/,
  },
];

for (const { when, state, kind, reason, nack, version } of cases) {
  test(`${when}: ${kind}`, () => {
    const standing = standingOf(state, { ...expected, version }, nack);
    assert.equal(standing.kind, kind);
    assert.match(standing.reason, reason);
  });
}
