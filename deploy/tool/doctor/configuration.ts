import { checkConfig } from "../../../scripts/lib/config/check.ts";
import type { WasmPluginSpec } from "../cluster/plugins.ts";
import { fine, problem, warning, type Finding } from "./finding.ts";
import type { Subject } from "./subject.ts";

/** Whether the filter would take the configuration, and what about it may not be meant. */
export function checkConfiguration({ spec, name, cluster, config }: Subject): Finding[] {
  const object = `configuration of ${cluster.namespace}/${name}`;
  if (spec === undefined) {
    return [
      warning(
        object,
        "there is no plugin yet",
        "tickgate doctor --image ... --config ... examines what a deploy would make",
      ),
    ];
  }
  const result = checkConfig(JSON.stringify(spec.pluginConfig ?? {}));
  if (!result.ok) {
    const lines = result.errors.map(({ path, message }) => `${path}: ${message}`);
    return [
      problem(
        object,
        `the filter refuses it: ${lines.join("; ")}; ${whenRefused(spec)}`,
        "tickgate config check shows the lines",
      ),
    ];
  }
  const trusted = config.trustedPeers ?? ["*"];
  if (trusted.includes("*") && (config.quotas ?? []).length > 0) {
    return [
      warning(
        object,
        'trustedPeers is ["*"]: any caller may say who it is, and be charged as somebody else',
        "name the SPIFFE ids of your gateways in trustedPeers",
      ),
    ];
  }
  return [fine(object, "is one the filter takes")];
}

/** Istio's fail strategies have no say in it: Envoy has no filter to go on with in a pod that has just started. */
function whenRefused({ vmConfig }: WasmPluginSpec): string {
  const pass = vmConfig?.env?.some(({ name, value }) => name === "TICKGATE_COLD_START" && value === "pass");
  const fresh = pass ? "let all requests pass unfiltered" : "answer 500 to all requests";
  return `running pods keep the configuration they have, pods that start ${fresh}`;
}
