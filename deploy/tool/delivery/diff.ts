import { createTwoFilesPatch } from "diff";
import { stringify } from "yaml";
import type { WasmPlugin } from "../cluster/plugins.ts";

/** A plugin as YAML, without what the API server keeps for itself. */
export function pluginYaml({ apiVersion, kind, metadata, spec }: WasmPlugin): string {
  const { name, namespace, labels, annotations } = metadata;
  return stringify(
    { apiVersion, kind, metadata: { name, namespace, labels, annotations }, spec },
    { lineWidth: 0, sortMapEntries: true },
  );
}

/** Unified diff between two plugins, empty when they are the same; `before` may be missing. */
export function diffPlugins(before: WasmPlugin | undefined, after: WasmPlugin): string {
  const old = before === undefined ? "" : pluginYaml(before);
  const next = pluginYaml(after);
  if (old === next) return "";
  return createTwoFilesPatch("in the cluster", "to be applied", old, next).split("\n").slice(1).join("\n");
}
