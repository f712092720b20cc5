import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { waitFor } from "../process.ts";
import type { EnvoyAdmin } from "./admin.ts";
import type { HttpFilter } from "./types.ts";
import { wasmType } from "./wasm.ts";

/** A filter that Envoy takes from a file and takes again whenever the file is replaced. */
export interface FileDelivery {
  /** What goes into the connection manager's list. */
  readonly filter: HttpFilter;
  /** Replaces the file by one rename and returns at once; `updateFilter` waits for Envoy's answer. */
  update(filter: HttpFilter): Promise<void>;
}

/** Delivers a filter by ECDS from a file in `directory`, which must be given to no one else. */
export async function deliverByFile(directory: string, initial: HttpFilter): Promise<FileDelivery> {
  const watched = join(directory, "ecds");
  const path = join(watched, "filter.json");
  const staged = join(directory, "filter.next.json");
  let version = 0;
  const update = async (filter: HttpFilter): Promise<void> => {
    version += 1;
    const resource = {
      "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
      name: initial.name,
      typed_config: filter.typed_config,
    };
    await writeFile(staged, JSON.stringify({ version_info: String(version), resources: [resource] }));
    await rename(staged, path);
  };
  await mkdir(watched, { recursive: true });
  await update(initial);
  const filter: HttpFilter = {
    name: initial.name,
    config_discovery: {
      config_source: {
        resource_api_version: "V3",
        path_config_source: { path, watched_directory: { path: watched } },
      },
      type_urls: [wasmType],
    },
  };
  return { filter, update };
}

/**
 * Delivers a new version and waits for Envoy's verdict on it. "accepted" is the main thread's: workers follow within
 * moments.
 */
export async function updateFilter(
  admin: EnvoyAdmin,
  delivery: FileDelivery,
  filter: HttpFilter,
): Promise<"accepted" | "rejected"> {
  const before = await updateCounts(admin, delivery.filter.name);
  await delivery.update(filter);
  return waitFor(`Envoy's verdict on the new ${filter.name} filter`, async () => {
    const now = await updateCounts(admin, delivery.filter.name);
    if (now.success > before.success) return "accepted";
    return now.rejected > before.rejected ? "rejected" : undefined;
  });
}

async function updateCounts(admin: EnvoyAdmin, name: string): Promise<{ success: number; rejected: number }> {
  const prefix = `extension_config_discovery.http_filter.${name}.update_`;
  const stats = await admin.stats("extension_config_discovery");
  return { success: stats.get(`${prefix}success`) ?? 0, rejected: stats.get(`${prefix}rejected`) ?? 0 };
}
