import { isDeepStrictEqual } from "node:util";
import type { WasmPluginSpec } from "../cluster/plugins.ts";
import { configHash, type SeenPlugin } from "./config-dump.ts";
import type { PodState } from "./state.ts";

/** Which plugin a pod should run. */
export interface Expectation {
  readonly namespace: string;
  readonly name: string;
  readonly spec: WasmPluginSpec;
  /** As `tickgate_build_info` spells it; any when undefined. */
  readonly version?: string | undefined;
}

/** How a pod stands to what it should run. Only `running` is good; the ones in `lasting` do not pass by themselves. */
export type StandingKind =
  | "running"
  | "absent"
  | "unreferenced"
  | "previous"
  | "loading"
  | "refused"
  | "denying"
  | "bypassed"
  | "unlabelled"
  | "cold"
  | "unreachable";

/** Where a pod stands, and in words why. */
export interface Standing {
  readonly kind: StandingKind;
  readonly reason: string;
}

/** What a pod stays in until somebody does something. The others are stations of a normal delivery, if they are short. */
export const lasting: ReadonlySet<StandingKind> = new Set([
  "refused",
  "denying",
  "bypassed",
  "unlabelled",
  "cold",
]);

const running: Standing = { kind: "running", reason: "runs it" };

/**
 * Judges a pod by its data plane alone. The dump shows what was last sent, refused updates included, so that only the
 * hash in the metrics says which configuration runs. `nack` is istiod's word for it, where it was asked.
 */
export function standingOf(state: PodState, expected: Expectation, nack?: string): Standing {
  const plugin = state.plugins.find(
    ({ namespace, name }) => namespace === expected.namespace && name === expected.name,
  );
  if (plugin === undefined) return absent(state, expected);
  if (plugin.fallback !== undefined) return fallback(plugin.fallback, expected);
  if (!state.listeners.used.has(plugin.resource)) return unreferenced(state);
  const old = whatIsOld(plugin, expected.spec);
  if (old !== undefined) return { kind: "previous", reason: `has not been sent the new ${old} yet` };
  const words = nack?.includes(`${expected.namespace}.${expected.name}`) === true ? nack : state.nack;
  return loaded(state, plugin, expected, words);
}

function loaded(
  state: PodState,
  plugin: SeenPlugin,
  expected: Expectation,
  nack: string | undefined,
): Standing {
  if (state.unlabelled) {
    return {
      kind: "unlabelled",
      reason:
        "was started without the filter's tags, so its labels end up inside metric names: restart the pod",
    };
  }
  if (state.configOk === false)
    return {
      kind: "cold",
      reason: `its first configuration was refused; traffic passes unfiltered${said(nack)}`,
    };
  const hash = configHash(plugin.configuration);
  if (state.configHash !== hash || nack !== undefined) return notRunning(state, hash, nack);
  if (expected.version !== undefined && !state.versions.includes(expected.version)) {
    const reason = `still runs version ${shown(state.version)}, not ${shown(expected.version)}`;
    return { kind: "loading", reason };
  }
  return running;
}

function notRunning(state: PodState, hash: string, nack: string | undefined): Standing {
  if (state.configHash === undefined && state.configOk === true && nack === undefined) {
    // A context that goes takes its hash away; the one that stays writes it again within a second.
    return { kind: "loading", reason: "runs the filter, which has not said yet with which configuration" };
  }
  if (state.configHash === undefined) {
    return {
      kind: nack === undefined ? "loading" : "refused",
      reason: `was sent configuration ${hash}, and the filter does not run: all requests get 500${said(nack)}`,
    };
  }
  const still = `still runs configuration ${state.configHash} (version ${shown(state.version)})`;
  const what =
    state.configHash === hash ? "refused the new module" : `refused configuration ${hash} or its module`;
  return { kind: "refused", reason: `${what}, and ${still}${said(nack)}` };
}

function absent(state: PodState, { namespace, name }: Expectation): Standing {
  const other = state.plugins.map((plugin) => `${plugin.namespace}.${plugin.name}`).join(", ");
  const seen = other === "" ? "" : ` (it has ${other})`;
  return { kind: "absent", reason: `has no plugin ${namespace}.${name}${seen}: requests pass unfiltered` };
}

function unreferenced({ listeners }: PodState): Standing {
  const why =
    listeners.errors.length > 0 ? `; Envoy refused the listener: ${listeners.errors.join("; ")}` : "";
  const reason = `was sent the plugin, but no listener uses it, requests pass unfiltered${why}`;
  return { kind: "unreferenced", reason };
}

function fallback(kind: "deny" | "allow", { spec }: Expectation): Standing {
  const digest = (spec.sha256 ?? "") === "" ? "" : ` with sha256 ${spec.sha256}`;
  const why = `its agent can't fetch ${spec.url}${digest} (wrong digest, registry, or pull secret)`;
  return kind === "deny"
    ? { kind: "denying", reason: `REFUSES ALL REQUESTS with 403: ${why}` }
    : { kind: "bypassed", reason: `lets all requests pass unfiltered: ${why}` };
}

/** Which part of what a proxy was sent is not yet that of the spec. */
function whatIsOld(plugin: SeenPlugin, spec: WasmPluginSpec): string | undefined {
  if (!hasConfiguration(plugin, spec)) return "configuration";
  if (!hasImage(plugin, spec)) return "image";
  if (!hasVariables(plugin, spec)) return "variables";
  const policy = failurePolicies[spec.failStrategy ?? "FAIL_CLOSE"];
  return plugin.failurePolicy === undefined || plugin.failurePolicy === policy ? undefined : "fail strategy";
}

const failurePolicies = { FAIL_CLOSE: "FAIL_CLOSED", FAIL_OPEN: "FAIL_OPEN", FAIL_RELOAD: "FAIL_RELOAD" };

/** Whether the bytes that a proxy was sent mean the configuration of the spec. */
function hasConfiguration(plugin: SeenPlugin, spec: WasmPluginSpec): boolean {
  const wanted = spec.pluginConfig ?? {};
  if (plugin.configuration === "") return Object.keys(wanted).length === 0;
  try {
    return isDeepStrictEqual(JSON.parse(plugin.configuration), wanted);
  } catch {
    return false;
  }
}

/** The agent stores a module under the digest of its image; other names tell nothing. */
function hasImage(plugin: SeenPlugin, spec: WasmPluginSpec): boolean {
  const stored = /\/([0-9a-f]{64})\.wasm$/.exec(plugin.code ?? "")?.[1];
  const wanted = /@sha256:([0-9a-f]{64})$/.exec(spec.url)?.[1];
  return stored === undefined || wanted === undefined || stored === wanted;
}

/** Values from the host's environment are not in the dump. */
function hasVariables(plugin: SeenPlugin, spec: WasmPluginSpec): boolean {
  const inline = (spec.vmConfig?.env ?? []).filter(({ valueFrom = "INLINE" }) => valueFrom === "INLINE");
  return isDeepStrictEqual(
    plugin.env,
    Object.fromEntries(inline.map(({ name, value = "" }) => [name, value])),
  );
}

function said(nack: string | undefined): string {
  return nack === undefined ? "" : `: ${nack}`;
}

function shown(version: string | undefined): string {
  return version === undefined ? "unknown" : version.replaceAll("_", ".");
}
