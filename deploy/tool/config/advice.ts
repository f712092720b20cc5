import { CliError } from "../../../scripts/lib/cli.ts";
import type { Config, OperationConfig } from "../../../scripts/lib/config/types.ts";
import { labelsOf } from "../../../scripts/lib/stats-settings.ts";
import type { Remark } from "./finding.ts";
import { quotaWarnings } from "./quotas.ts";
import { budgetWarnings, seriesWarnings } from "./series.ts";

/** What may not be meant in a configuration that the filter accepts. */
export function adviseConfig(config: Config): readonly Remark[] {
  return [
    ...modeWarnings(config),
    ...trustWarnings(config),
    ...operationWarnings(config.operations ?? []),
    ...labelWarnings(config),
    ...seriesWarnings(config),
    ...quotaWarnings(config),
    ...budgetWarnings(config),
  ];
}

function modeWarnings({ mode }: Config): Remark[] {
  return mode === "observe" ? [{ path: "mode", message: "observe: nothing is ever refused" }] : [];
}

function trustWarnings({ trustedPeers = ["*"] }: Config): Remark[] {
  if (!trustedPeers.includes("*")) return [];
  const message =
    '"*" (the default) believes the user, tier, operation, cost and budget headers of anyone who can reach the proxy: name the SPIFFE id of the gateway';
  return [{ path: "trustedPeers", message }];
}

/** The first rule that matches wins, so one behind another that matches all the same requests is dead. */
function operationWarnings(operations: readonly OperationConfig[]): Remark[] {
  return operations.flatMap((operation, index) => {
    const first = operations.slice(0, index).find((earlier) => hides(earlier, operation));
    if (first === undefined) return [];
    const message = `${operation.name} is never chosen: ${first.name} in front of it matches all its requests`;
    return [{ path: `operations[${index}]`, message }];
  });
}

function hides(earlier: OperationConfig, later: OperationConfig): boolean {
  if (!hasRule(earlier) || !hasRule(later)) return false;
  if (earlier.method !== undefined && earlier.method !== later.method) return false;
  if (earlier.path !== undefined) return earlier.path === later.path;
  if (earlier.pathPrefix === undefined) return true;
  return (later.path ?? later.pathPrefix)?.startsWith(earlier.pathPrefix) ?? false;
}

function hasRule({ method, path, pathPrefix }: OperationConfig): boolean {
  return (method ?? path ?? pathPrefix) !== undefined;
}

/** Labels that the tag rules of a mesh would mix up with their own; the filter can't know those. */
function labelWarnings(config: Config): Remark[] {
  try {
    labelsOf(config);
    return [];
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return [{ path: "dimensions", message: `${error.message} in Istio's stat tags: rename it` }];
  }
}
