import { CliError, progress } from "../../../scripts/lib/cli.ts";
import type { Cluster } from "./connect.ts";
import { applyPlugin, type WasmPlugin } from "./plugins.ts";
import { resources } from "./resources.ts";

/**
 * Makes sure that the plugin, once applied, has no other fields in its spec: server-side apply leaves those that others
 * have added, and a digest or a variable of theirs changes what runs. With `force` they are removed, else a CliError
 * names them; nothing is changed then.
 */
export async function clearForeignFields(
  cluster: Cluster,
  plugin: WasmPlugin,
  force: boolean,
): Promise<void> {
  const merged = await applyPlugin(cluster, plugin, { dryRun: true, force });
  const foreign = Object.keys(merged.spec).filter((field) => !(field in plugin.spec));
  if (foreign.length === 0) return;
  const { name, namespace } = plugin.metadata;
  const fields = foreign.map((field) => `spec.${field}${ownerOf(merged, field)}`).join(", ");
  if (!force) {
    throw new CliError(
      `WasmPlugin ${namespace}/${name} was not changed: it would keep ${fields}`,
      "take the field out of what they apply, or remove it with --force-conflicts",
    );
  }
  progress(`removing ${fields} from WasmPlugin ${namespace}/${name}`);
  await cluster.request({
    verb: "patch",
    resource: resources.wasmPlugins,
    namespace,
    name,
    contentType: "application/merge-patch+json",
    body: { spec: Object.fromEntries(foreign.map((field) => [field, null])) },
  });
}

function ownerOf({ metadata }: WasmPlugin, field: string): string {
  const owner = (metadata.managedFields ?? []).find(({ fieldsV1 }) => ownsField(fieldsV1, field));
  return owner?.manager === undefined ? "" : ` of ${owner.manager}`;
}

function ownsField(fields: unknown, field: string): boolean {
  if (typeof fields !== "object" || fields === null || !("f:spec" in fields)) return false;
  const spec = fields["f:spec"];
  return typeof spec === "object" && spec !== null && `f:${field}` in spec;
}
