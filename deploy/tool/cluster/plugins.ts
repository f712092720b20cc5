import { CliError } from "../../../scripts/lib/cli.ts";
import type { Cluster } from "./connect.ts";
import { ApiError } from "./failures.ts";
import { describeConflicts } from "./conflicts.ts";
import { resources } from "./resources.ts";

/** The field manager of everything the tool applies. */
export const fieldManager = "tickgate";

/** Annotation with the first 8 hex digits of the SHA-256 of the configuration's bytes as the proxy gets them. */
export const configHashAnnotation = "tickgate.dev/config-hash";

/** Annotation that is changed to make istiod send a plugin again. */
export const resentAnnotation = "tickgate.dev/resent-at";

/** What Istio does with requests when the plugin can't be loaded; FAIL_RELOAD also makes a new VM after a trap. */
export type FailStrategy = "FAIL_CLOSE" | "FAIL_OPEN" | "FAIL_RELOAD";

/** The spec of a WasmPlugin, as far as the tool writes it (extensions.istio.io/v1alpha1). */
export interface WasmPluginSpec {
  readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly url: string;
  readonly sha256?: string;
  readonly imagePullPolicy?: "UNSPECIFIED_POLICY" | "IfNotPresent" | "Always";
  readonly imagePullSecret?: string;
  readonly pluginName?: string;
  readonly pluginConfig?: Readonly<Record<string, unknown>>;
  readonly phase?: string;
  readonly priority?: number;
  readonly failStrategy?: FailStrategy;
  readonly match?: readonly {
    readonly mode?: string;
    readonly ports?: readonly { readonly number: number }[];
  }[];
  readonly vmConfig?: {
    readonly env?: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: string }[];
  };
}

/** A WasmPlugin object. */
export interface WasmPlugin {
  readonly apiVersion: "extensions.istio.io/v1alpha1";
  readonly kind: "WasmPlugin";
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly uid?: string;
    readonly generation?: number;
    readonly resourceVersion?: string;
    readonly managedFields?: readonly ManagedFields[];
  };
  readonly spec: WasmPluginSpec;
}

/** Who owns which fields of an object. */
export interface ManagedFields {
  readonly manager?: string;
  readonly operation?: string;
  readonly time?: string;
  readonly fieldsV1?: unknown;
}

/** How `applyPlugin` goes about it. */
export interface ApplyOptions {
  /** The API server checks and merges, admission included, and stores nothing. */
  readonly dryRun?: boolean;
  /** Takes fields that another manager owns. */
  readonly force?: boolean;
}

/** The WasmPlugin of that name in the tool's namespace; undefined when there is none. */
export async function readPlugin(cluster: Cluster, name: string): Promise<WasmPlugin | undefined> {
  try {
    return await cluster.request<WasmPlugin>({
      verb: "get",
      resource: resources.wasmPlugins,
      namespace: cluster.namespace,
      name,
    });
  } catch (error) {
    if (error instanceof ApiError && error.isMissingObject) return undefined;
    throw error;
  }
}

/** The field manager that last wrote the spec. */
export function lastToWrite({ metadata }: WasmPlugin): string {
  const writers = (metadata.managedFields ?? []).filter(
    ({ fieldsV1 }) => typeof fieldsV1 === "object" && fieldsV1 !== null && "f:spec" in fieldsV1,
  );
  const [last] = writers.toSorted((a, b) => (b.time ?? "").localeCompare(a.time ?? "", "en"));
  return last?.manager ?? "somebody";
}

/** All WasmPlugins of a namespace; of all namespaces when it is undefined. */
export async function listPlugins(cluster: Cluster, namespace?: string): Promise<WasmPlugin[]> {
  const list = await cluster.request<{ items: WasmPlugin[] }>({
    verb: "list",
    resource: resources.wasmPlugins,
    ...(namespace === undefined ? {} : { namespace }),
  });
  return list.items;
}

/**
 * Server-side apply with our field manager: fields that we no longer name are removed, fields of others stay. Returns
 * the object as merged. A CliError names each field that another manager owns. Where the plugin has a uid and a
 * resourceVersion, an ApiError of status 409 when it was changed or removed since: the version alone would not hinder an
 * apply from creating it anew.
 */
export async function applyPlugin(
  cluster: Cluster,
  plugin: WasmPlugin,
  { dryRun = false, force = false }: ApplyOptions = {},
): Promise<WasmPlugin> {
  const { apiVersion, kind, metadata, spec } = plugin;
  const { name, namespace, labels, annotations, uid, resourceVersion } = metadata;
  try {
    return await cluster.request<WasmPlugin>({
      verb: "patch",
      resource: resources.wasmPlugins,
      namespace,
      name,
      query: { fieldManager, force: String(force), ...(dryRun ? { dryRun: "All" } : {}) },
      contentType: "application/apply-patch+yaml",
      // What is undefined is not sent.
      body: {
        apiVersion,
        kind,
        metadata: { name, namespace, labels, annotations, uid, resourceVersion },
        spec,
      },
    });
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 409 || error.isStale) throw error;
    throw new CliError(
      `WasmPlugin ${namespace}/${name} was not changed: others own fields of it\n${describeConflicts(error)}`,
      "take the field out of what they apply, or take it over with --force-conflicts",
    );
  }
}

/** Sets annotations of a plugin and nothing else: what others change at the same time stays as they want it. */
export async function annotatePlugin(
  cluster: Cluster,
  name: string,
  annotations: Readonly<Record<string, string>>,
): Promise<void> {
  await cluster.request({
    verb: "patch",
    resource: resources.wasmPlugins,
    namespace: cluster.namespace,
    name,
    query: { fieldManager },
    contentType: "application/merge-patch+json",
    body: { metadata: { annotations } },
  });
}

/**
 * Deletes the WasmPlugin of that name; whether there was one. With a resourceVersion, an ApiError of status 409 when it was
 * changed since.
 */
export async function deletePlugin(
  cluster: Cluster,
  name: string,
  resourceVersion?: string,
): Promise<boolean> {
  try {
    await cluster.request({
      verb: "delete",
      resource: resources.wasmPlugins,
      namespace: cluster.namespace,
      name,
      ...(resourceVersion === undefined ? {} : { body: { preconditions: { resourceVersion } } }),
    });
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.isMissingObject) return false;
    throw error;
  }
}
