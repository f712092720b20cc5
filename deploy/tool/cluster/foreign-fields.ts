import { isDeepStrictEqual } from "node:util";
import { isRecord } from "../../../scripts/lib/record.ts";
import { CliError, progress } from "../../../scripts/lib/cli.ts";
import type { Cluster } from "./connect.ts";
import { applyPlugin, fieldManager, type ManagedFields, type WasmPlugin } from "./plugins.ts";
import { resources } from "./resources.ts";

/** A field of the spec that an apply would leave, as others have made it. */
export interface ForeignField {
  /** Below `spec`: `["pluginConfig", "mode"]`. A list is one field. */
  readonly path: readonly string[];
  readonly value: unknown;
  /** Their field managers. */
  readonly owners: readonly string[];
}

const shownCharacters = 80;

/**
 * Makes sure that the plugin, once applied, has nothing else in its spec: server-side apply leaves what others have added,
 * and a digest, a variable or a key of the configuration of theirs changes what runs. With `force` that is removed, and
 * what this made of the plugin is returned; else a CliError names it, and nothing is changed. An ApiError of status 409 when
 * it was changed in the meantime, or since the resourceVersion that the plugin has.
 */
export async function clearForeignFields(
  cluster: Cluster,
  plugin: WasmPlugin,
  force: boolean,
): Promise<WasmPlugin | undefined> {
  const merged = await applyPlugin(cluster, plugin, { dryRun: true, force });
  const foreign = foreignFields(merged, plugin);
  if (foreign.length === 0) return undefined;
  const { name, namespace } = plugin.metadata;
  if (!force) refuseForeignFields(plugin, foreign);
  progress(`removing from WasmPlugin ${namespace}/${name} what others have added\n${listOf(foreign)}`);
  return cluster.request<WasmPlugin>({
    verb: "patch",
    resource: resources.wasmPlugins,
    namespace,
    name,
    contentType: "application/merge-patch+json",
    body: { metadata: { resourceVersion: merged.metadata.resourceVersion }, spec: withoutThem(foreign) },
  });
}

/** What the merged plugin has in its spec besides what was applied, or where a list has more. */
export function foreignFields(merged: WasmPlugin, applied: WasmPlugin): ForeignField[] {
  const managers = merged.metadata.managedFields ?? [];
  return surplus(merged.spec, applied.spec, []).map(({ path, value }) => ({
    path,
    value,
    owners: ownersOf(managers, path),
  }));
}

/** A CliError that names field, value and owner, unless there are none. */
export function refuseForeignFields({ metadata }: WasmPlugin, foreign: readonly ForeignField[]): void {
  if (foreign.length === 0) return;
  const where = `WasmPlugin ${metadata.namespace}/${metadata.name}`;
  throw new CliError(
    `${where} was not changed: it would keep what others have added\n${listOf(foreign)}`,
    "take the field out of what they apply, or remove it with --force-conflicts",
  );
}

function listOf(foreign: readonly ForeignField[]): string {
  return foreign.map((field) => `  ${describe(field)}`).join("\n");
}

/** One line: `spec.sha256 = "ab..." of kubectl-patch`. */
function describe({ path, value, owners }: ForeignField): string {
  const text = JSON.stringify(value);
  const shown = text.length > shownCharacters ? `${text.slice(0, shownCharacters)}...` : text;
  return `spec.${path.join(".")} = ${shown}${owners.length === 0 ? "" : ` of ${owners.join(", ")}`}`;
}

function surplus(
  has: object,
  wanted: object,
  above: readonly string[],
): { readonly path: readonly string[]; readonly value: unknown }[] {
  const known = new Map<string, unknown>(Object.entries(wanted));
  return Object.entries(has).flatMap(([key, value]: [string, unknown]) => {
    const path = [...above, key];
    const other = known.get(key);
    if (isRecord(value) && isRecord(other)) return surplus(value, other, path);
    const isListOfBoth = Array.isArray(value) && Array.isArray(other);
    if (other === undefined || (isListOfBoth && !isDeepStrictEqual(value, other))) return [{ path, value }];
    return [];
  });
}

function ownersOf(managers: readonly ManagedFields[], path: readonly string[]): string[] {
  const owners = managers
    .filter(({ manager, operation }) => manager !== fieldManager || operation !== "Apply")
    .filter(({ fieldsV1 }) => owns(fieldsV1, ["spec", ...path]))
    .map(({ manager = "somebody" }) => manager);
  return [...new Set(owners)];
}

function owns(fields: unknown, path: readonly string[]): boolean {
  const [key, ...rest] = path;
  if (key === undefined) return true;
  if (!isRecord(fields)) return false;
  const below = new Map<string, unknown>(Object.entries(fields)).get(`f:${key}`);
  return below !== undefined && owns(below, rest);
}

/** A merge patch: null removes. A list goes as a whole, since what is left of it is applied right after. */
function withoutThem(foreign: readonly ForeignField[]): object {
  const patch: Record<string, unknown> = {};
  for (const { path } of foreign) put(patch, path);
  return patch;
}

function put(patch: Record<string, unknown>, [key = "", ...rest]: readonly string[]): void {
  if (rest.length === 0) {
    patch[key] = null;
    return;
  }
  const known = patch[key];
  const below: Record<string, unknown> = isRecord(known) ? known : {};
  patch[key] = below;
  put(below, rest);
}
