import { createHash } from "node:crypto";
import type { Cluster } from "./connect.ts";
import { listPlugins, type WasmPlugin } from "./plugins.ts";

const suffix = /^-canary-[0-9a-f]{8}$/;

/**
 * Name of the plugin that the moved pods get, another one in every rollout. A proxy keeps what it was last sent under a
 * name for as long as it drains the listener that used it, and under the same name would begin the next rollout with that.
 */
export function canaryName(plugin: string, rollout: string): string {
  return `${plugin}-canary-${createHash("sha256").update(rollout).digest("hex").slice(0, 8)}`;
}

/** Whether a plugin's name is that of a canary of this plugin. */
export function isCanaryOf(plugin: string, name: string): boolean {
  return name.startsWith(plugin) && suffix.test(name.slice(plugin.length));
}

/** The canary of a plugin in the tool's namespace; undefined when no rollout is under way. */
export async function findCanary(cluster: Cluster, plugin: string): Promise<WasmPlugin | undefined> {
  const plugins = await listPlugins(cluster, cluster.namespace);
  return plugins.find(({ metadata }) => isCanaryOf(plugin, metadata.name));
}
