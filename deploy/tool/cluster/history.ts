import { isDeepStrictEqual } from "node:util";
import { CliError } from "../../../scripts/lib/cli.ts";
import { parseJson } from "../json.ts";
import { readConfigMap, writeConfigMap } from "./config-maps.ts";
import type { Cluster } from "./connect.ts";
import { ApiError } from "./failures.ts";
import type { WasmPluginSpec } from "./plugins.ts";
import { expectedHash } from "./render.ts";

/**
 * What became of a revision. `applied`: sent, not seen running yet; `interrupted`: somebody stopped waiting for it;
 * `superseded`: somebody else changed the plugin before every pod ran it; `rolled-back`: it ran, and was taken back;
 * `removed`: it ran until the plugin was removed.
 */
export type Result =
  "applied" | "running" | "failed" | "interrupted" | "superseded" | "rolled-back" | "removed";

/** One applied spec. */
export interface Revision {
  readonly revision: number;
  readonly image: string;
  readonly configHash: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly by: string;
  readonly result: Result;
  /** In words: why it failed, what it rolled back. */
  readonly note?: string;
  readonly spec: WasmPluginSpec;
}

/** How many revisions are kept. */
export const keptRevisions = 10;

/** A ConfigMap holds 1 MiB; older revisions go before that is reached. */
const keptBytes = 900_000;
const dataKey = "revisions.json";
const attempts = 5;

/** Name of the ConfigMap with a plugin's history. */
export function historyName(plugin: string): string {
  return `${plugin}-history`;
}

interface Stored {
  readonly revisions: readonly Revision[];
  readonly resourceVersion: string | undefined;
}

/** The revisions of a plugin, oldest first; none when it was never deployed. */
export async function readHistory(cluster: Cluster, plugin: string): Promise<readonly Revision[]> {
  return (await readStored(cluster, plugin)).revisions;
}

/** Adds a revision for a spec; returns it with its number. */
export async function recordRevision(
  cluster: Cluster,
  plugin: string,
  entry: {
    readonly spec: WasmPluginSpec;
    readonly by: string;
    readonly result: Result;
    readonly note?: string;
  },
): Promise<Revision> {
  const { spec } = entry;
  const at = new Date().toISOString();
  let added: Revision | undefined;
  await change(cluster, plugin, (revisions) => {
    // Written already, where only the answer was lost.
    if (added !== undefined && revisions.some((known) => isDeepStrictEqual(known, added))) return revisions;
    const revision = (revisions.at(-1)?.revision ?? 0) + 1;
    added = { revision, image: spec.url, configHash: expectedHash(spec), at, ...entry };
    return [...revisions, added];
  });
  if (added === undefined) throw new Error("the history was changed without an entry");
  return added;
}

/** Says what became of a revision. One that is no longer kept is not brought back. */
export async function settleRevision(
  cluster: Cluster,
  plugin: string,
  revision: number,
  outcome: { readonly result: Result; readonly note?: string },
): Promise<void> {
  await change(cluster, plugin, (revisions) =>
    revisions.map((entry) => (entry.revision === revision ? { ...entry, ...outcome } : entry)),
  );
}

async function change(
  cluster: Cluster,
  plugin: string,
  edit: (revisions: readonly Revision[]) => readonly Revision[],
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const { revisions, resourceVersion } = await readStored(cluster, plugin);
    try {
      const data = { [dataKey]: JSON.stringify(trim(edit(revisions))) };
      await writeConfigMap(cluster, historyName(plugin), { data, resourceVersion });
      return;
    } catch (error) {
      // Somebody else wrote between our read and our write.
      if (!(error instanceof ApiError) || !error.isStale || attempt >= attempts) throw error;
    }
  }
}

function trim(revisions: readonly Revision[]): readonly Revision[] {
  let kept = revisions.slice(-keptRevisions);
  while (kept.length > 2 && Buffer.byteLength(JSON.stringify(kept)) > keptBytes) kept = kept.slice(1);
  return kept;
}

async function readStored(cluster: Cluster, plugin: string): Promise<Stored> {
  const name = historyName(plugin);
  const { data, resourceVersion } = await readConfigMap(cluster, name);
  return { revisions: parse(data[dataKey], `ConfigMap ${cluster.namespace}/${name}`), resourceVersion };
}

function parse(text: string | undefined, where: string): readonly Revision[] {
  if (text === undefined) return [];
  try {
    const value = parseJson<readonly Revision[] | object>(text);
    if (Array.isArray(value)) return value;
  } catch {
    // Worded below.
  }
  throw new CliError(
    `${where} holds no history: ${dataKey} is not a JSON array`,
    "somebody edited it; delete the ConfigMap to start a new history (the plugin itself is not touched)",
  );
}
