import type { Cluster } from "./connect.ts";
import { ApiError } from "./failures.ts";
import { fieldManager } from "./plugins.ts";
import { resources } from "./resources.ts";

/** What a ConfigMap of the tool holds; empty and without a version where there is none yet. */
export interface ConfigMapContent {
  readonly data: Readonly<Record<string, string>>;
  readonly resourceVersion: string | undefined;
}

/** Reads a ConfigMap of the tool. */
export async function readConfigMap(cluster: Cluster, name: string): Promise<ConfigMapContent> {
  try {
    const map = await cluster.request<{
      metadata: { resourceVersion?: string };
      data?: Record<string, string>;
    }>({ verb: "get", resource: resources.configMaps, namespace: cluster.namespace, name });
    return { data: map.data ?? {}, resourceVersion: map.metadata.resourceVersion };
  } catch (error) {
    if (error instanceof ApiError && error.isMissingObject) return { data: {}, resourceVersion: undefined };
    throw error;
  }
}

/**
 * Replaces what was read, and returns the version that this made. An ApiError of status 409: somebody else has written
 * since, also where both found nothing.
 */
export async function writeConfigMap(
  cluster: Cluster,
  name: string,
  { data, resourceVersion }: ConfigMapContent,
): Promise<string | undefined> {
  const { namespace } = cluster;
  const labels = { "app.kubernetes.io/name": "tickgate" };
  const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace, labels }, data };
  const at = { resource: resources.configMaps, namespace };
  const written = await cluster.request<{ metadata: { resourceVersion?: string } }>(
    resourceVersion === undefined
      ? // An apply would merge with what another process has created in the meantime.
        { verb: "create", ...at, query: { fieldManager }, body }
      : {
          verb: "patch",
          ...at,
          name,
          query: { fieldManager, force: "true" },
          contentType: "application/apply-patch+yaml",
          body: { ...body, metadata: { ...body.metadata, resourceVersion } },
        },
  );
  return written.metadata.resourceVersion;
}
