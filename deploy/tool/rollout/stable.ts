import { createHash } from "node:crypto";
import type { Cluster } from "../cluster/connect.ts";
import { lastToWrite, readPlugin, type WasmPlugin, type WasmPluginSpec } from "../cluster/plugins.ts";
import { structJson } from "../dataplane/struct-json.ts";
import { onTrack } from "./canary.ts";

/** A hash of each field of a spec: tells which of them were changed, and fits into an annotation. */
export type Fingerprint = Readonly<Record<string, string>>;

/** The stable plugin as it is now, against what it had and what it is to get. */
export interface StablePlugin {
  /** `between`: each field is that of one of the two. `other`: somebody brought in something else, or deleted it. */
  readonly has: "original" | "target" | "between" | "other";
  /** What was changed and by whom, in words. */
  readonly change: string;
  /** As it was read; absent where it is gone. */
  readonly plugin?: WasmPlugin;
}

/** Where the stable plugin may stand. */
export interface Versions {
  /** What it had when the rollout began. */
  readonly original: Fingerprint;
  readonly target: WasmPluginSpec;
}

/** Of what pods on the stable track would get. */
export function fingerprintOf(spec: WasmPluginSpec): Fingerprint {
  const fields = Object.entries(onTrack(spec, "stable")).map(([field, value]) => [field, hashOf(value)]);
  return Object.fromEntries(fields.toSorted(([a = ""], [b = ""]) => (a < b ? -1 : 1)));
}

/** The fields in which two specs differ, with `spec.` before them. */
export function changedFields(a: Fingerprint, b: Fingerprint): string[] {
  const fields = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...fields]
    .filter((field) => a[field] !== b[field])
    .toSorted()
    .map((field) => `spec.${field}`);
}

/** Reads the stable plugin. */
export async function readStable(cluster: Cluster, name: string, versions: Versions): Promise<StablePlugin> {
  const plugin = await readPlugin(cluster, name);
  if (plugin === undefined) return { has: "other", change: "somebody deleted it" };
  return { ...standOf(plugin, versions), plugin };
}

function standOf(plugin: WasmPlugin, { original, target }: Versions): StablePlugin {
  const now = fingerprintOf(plugin.spec);
  const sinceBegin = changedFields(now, original);
  if (sinceBegin.length === 0) return { has: "original", change: "it has the old version" };
  const fromTarget = changedFields(now, fingerprintOf(target));
  const by = lastToWrite(plugin);
  if (fromTarget.length === 0) return { has: "target", change: `${by} gave it the new version` };
  const foreign = fromTarget.filter((field) => sinceBegin.includes(field));
  if (foreign.length === 0) return { has: "between", change: `${by} changed ${sinceBegin.join(", ")}` };
  return { has: "other", change: `${by} changed ${foreign.join(", ")}` };
}

function hashOf(value: unknown): string {
  return createHash("sha256").update(structJson({ value })).digest("hex").slice(0, 12);
}
