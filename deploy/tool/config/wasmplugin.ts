import type { Config, ConfigProblem } from "../../../scripts/lib/config/types.ts";
import { schemaCheck } from "../../../scripts/lib/config/schema.ts";
import { showValue } from "../../../scripts/lib/config/path.ts";
import type { Remark } from "./finding.ts";
import { wasmPluginSpecSchema, type WasmPluginSpec } from "./wasmplugin-schema.ts";

/** The group and version in which Istio serves WasmPlugins. */
export const wasmPluginVersion = "extensions.istio.io/v1alpha1";

const checkSpec = schemaCheck<WasmPluginSpec>(wasmPluginSpecSchema);

/** What is wrong with a WasmPlugin beside its pluginConfig, and what may not be meant. Paths begin with `spec`. */
export interface PluginVerdict {
  readonly errors: readonly Remark[];
  readonly warnings: readonly Remark[];
}

/** Judges `spec` of a WasmPlugin. `config` is its plugin configuration when that is a good one. */
export function judgePlugin(spec: unknown, config: Config | undefined): PluginVerdict {
  const checked = checkSpec(spec);
  if (isProblems(checked)) return { errors: checked.map(below), warnings: [] };
  return {
    errors: [...imageErrors(checked), ...variableErrors(checked), ...typeErrors(checked)].map(below),
    warnings: [
      ...imageWarnings(checked),
      ...scopeWarnings(checked),
      ...failureWarnings(checked, config),
      ...variableWarnings(checked, config),
    ].map(below),
  };
}

function isProblems(checked: WasmPluginSpec | readonly ConfigProblem[]): checked is readonly ConfigProblem[] {
  return Array.isArray(checked);
}

function below({ path, message }: Remark): Remark {
  return { path: path === "document" ? "spec" : `spec.${path}`, message };
}

const digestPattern = /@sha256:([a-f0-9]{64})$/;

/** Whether the module is a file that a server sends as it is: no image, no digest in its name. */
function isPlainFile({ url }: WasmPluginSpec): boolean {
  return /^(https?|file):/.test(url);
}

function digestOf(spec: WasmPluginSpec): string | undefined {
  return isPlainFile(spec) ? undefined : digestPattern.exec(spec.url)?.[1];
}

function imageErrors(spec: WasmPluginSpec): Remark[] {
  const digest = digestOf(spec);
  if (spec.url.includes("@") && digest === undefined && !isPlainFile(spec)) {
    return [{ path: "url", message: "has no digest behind the @: @sha256: and 64 hex digits" }];
  }
  if (/^0+$/.test(digest ?? spec.sha256 ?? "")) {
    const message = "a digest of zeros is a placeholder: set what `tickgate package` prints";
    return [{ path: digest === undefined ? "sha256" : "url", message }];
  }
  if (digest === undefined || (spec.sha256 ?? "") === "" || spec.sha256 === digest) return [];
  return [
    { path: "sha256", message: `${showValue(spec.sha256)} is not the digest in url: Istio refuses both` },
  ];
}

function typeErrors({ type }: WasmPluginSpec): Remark[] {
  return type === "NETWORK" ? [{ path: "type", message: "NETWORK: Tickgate is an HTTP filter" }] : [];
}

function variableErrors({ vmConfig }: WasmPluginSpec): Remark[] {
  const env = vmConfig?.env ?? [];
  return env.flatMap(({ name, valueFrom, value }, index) => {
    const at = `vmConfig.env[${index}]`;
    const first = env.findIndex((other) => other.name === name);
    if (first !== index)
      return [{ path: `${at}.name`, message: `"${name}" is already used by vmConfig.env[${first}]` }];
    if (valueFrom === "HOST" && value !== undefined)
      return [{ path: `${at}.value`, message: "not allowed together with valueFrom HOST" }];
    if (name !== "TICKGATE_COLD_START" || value === undefined || value === "refuse" || value === "pass")
      return [];
    return [{ path: `${at}.value`, message: `${showValue(value)} is not one of refuse, pass` }];
  });
}

function imageWarnings(spec: WasmPluginSpec): Remark[] {
  const warnings: Remark[] = [];
  const pinned = digestOf(spec) !== undefined || (spec.sha256 ?? "") !== "";
  if (isPlainFile(spec) && digestPattern.test(spec.url)) {
    const message =
      "a URL takes no digest, Istio asks for a file of that name: only oci:// has @sha256:..., else it goes into sha256";
    warnings.push({ path: "url", message });
  }
  if (!pinned && /^https?:/.test(spec.url)) {
    warnings.push({ path: "sha256", message: "missing: whatever the server sends is run in every proxy" });
  } else if (!pinned && !spec.url.startsWith("file:") && !spec.url.includes("@")) {
    const message =
      "no digest: pods may run different modules; end it in @sha256:..., as `tickgate package` prints";
    warnings.push({ path: "url", message });
  }
  if (spec.verificationKey !== undefined) {
    warnings.push({ path: "verificationKey", message: "Istio declares it and does not verify anything" });
  }
  return warnings;
}

function scopeWarnings(spec: WasmPluginSpec): Remark[] {
  const warnings: Remark[] = [];
  const { match = [] } = spec;
  if (match.length === 0) {
    const message =
      "missing: the filter runs on inbound and outbound traffic, a call inside the mesh is counted and charged twice; [{mode: SERVER}]";
    warnings.push({ path: "match", message });
  }
  for (const [index, { mode = "UNDEFINED" }] of match.entries()) {
    if (mode === "SERVER") continue;
    const message = `${mode} takes in outbound traffic: a call inside the mesh is counted and charged twice`;
    warnings.push({ path: `match[${index}].mode`, message });
  }
  if (spec.selector?.matchLabels === undefined && !spec.targetRef && !spec.targetRefs) {
    warnings.push({ path: "selector", message: "missing: every pod of the namespace gets the filter" });
  }
  const { phase } = spec;
  if (phase === undefined || phase === "UNSPECIFIED_PHASE") {
    const message =
      "missing: the filter runs behind every plugin that has a phase; AUTHZ is in front of authorization";
    warnings.push({ path: "phase", message });
  } else if (phase === "AUTHN") {
    const message = "AUTHN runs in front of authentication: requests with a bad token are charged too";
    warnings.push({ path: "phase", message });
  }
  return warnings;
}

function failureWarnings({ failStrategy }: WasmPluginSpec, config: Config | undefined): Remark[] {
  const path = "failStrategy";
  if (failStrategy === "FAIL_RELOAD") return [];
  if (failStrategy === "FAIL_OPEN") {
    if ((config?.quotas ?? []).length === 0) return [];
    return [
      { path, message: "FAIL_OPEN: traffic passes without quotas when the module can't be fetched or traps" },
    ];
  }
  const how = failStrategy === undefined ? "missing" : failStrategy;
  const message = `${how}: after a trap a worker answers 503 until it restarts; FAIL_RELOAD makes a new VM (Istio 1.27)`;
  return [{ path, message }];
}

function variableWarnings({ vmConfig }: WasmPluginSpec, config: Config | undefined): Remark[] {
  const names = new Set((vmConfig?.env ?? []).map(({ name }) => name));
  const warnings: Remark[] = [];
  if (!names.has("TICKGATE_COLD_START")) {
    const message =
      "TICKGATE_COLD_START is missing: a fresh pod answers 500 to everything while its first configuration is refused; pass or refuse says which is meant";
    warnings.push({ path: "vmConfig.env", message });
  }
  const key = config?.identity?.logKeyEnv ?? "";
  if (key !== "" && !names.has(key)) {
    const message = `${key} is missing, which identity.logKeyEnv names: wasm.trading_user is never set`;
    warnings.push({ path: "vmConfig.env", message });
  }
  return warnings;
}
