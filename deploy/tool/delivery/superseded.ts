import { isDeepStrictEqual } from "node:util";
import { CliError } from "../../../scripts/lib/cli.ts";
import { waitFor } from "../../../scripts/lib/process.ts";
import type { Cluster } from "../cluster/connect.ts";
import { readHistory } from "../cluster/history.ts";
import { lastToWrite, readPlugin, type WasmPlugin, type WasmPluginSpec } from "../cluster/plugins.ts";

/** What a process has applied. */
export interface Applied {
  /** As the API server has merged it. */
  readonly spec: WasmPluginSpec;
  /** Infinity where the history could not be written. */
  readonly revision: number;
}

/** Somebody else has changed the plugin since this process applied it: nothing may be waited for or taken back any more. */
export class SupersededError extends CliError {
  /** By whom, for the history. */
  readonly reason: string;

  constructor(applied: Applied, reason: string) {
    super(
      `${inWords(applied)} is superseded by ${reason}`,
      "what the cluster has now was left alone; tickgate status and history show it",
    );
    this.reason = reason;
  }
}

/** `revision 7`; without a number where the history could not be written. */
export function inWords({ revision }: Applied): string {
  return Number.isFinite(revision) ? `revision ${revision}` : "what was applied";
}

/** The plugin as long as it has what was applied; a SupersededError once it has something else. */
export async function readWhileApplied(
  cluster: Cluster,
  name: string,
  applied: Applied,
): Promise<WasmPlugin> {
  const plugin = await readPlugin(cluster, name);
  if (plugin !== undefined && isDeepStrictEqual(plugin.spec, applied.spec)) return plugin;
  throw new SupersededError(applied, await reasonOf(cluster, name, { applied, plugin }));
}

/** Whoever deploys writes the history a moment after the plugin. */
const historyMillis = 2000;

async function reasonOf(
  cluster: Cluster,
  name: string,
  { applied, plugin }: { readonly applied: Applied; readonly plugin: WasmPlugin | undefined },
): Promise<string> {
  const where = `WasmPlugin ${cluster.namespace}/${name}`;
  if (plugin === undefined) return `the removal of ${where}`;
  try {
    return await waitFor(
      "the history named the change",
      () => newerRevision(cluster, name, applied, plugin),
      {
        timeoutMillis: historyMillis,
        intervalMillis: 200,
      },
    );
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return `a change of ${where} past this tool, by ${lastToWrite(plugin)}`;
  }
}

async function newerRevision(
  cluster: Cluster,
  name: string,
  applied: Applied,
  { spec }: WasmPlugin,
): Promise<string | undefined> {
  const revisions = await readHistory(cluster, name);
  const newer = revisions.findLast(
    (one) => one.revision > applied.revision && isDeepStrictEqual(one.spec, spec),
  );
  return newer === undefined ? undefined : `revision ${newer.revision} of ${newer.by}`;
}
