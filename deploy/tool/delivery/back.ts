import { isDeepStrictEqual } from "node:util";
import { progress } from "../../../scripts/lib/cli.ts";
import type { Cluster } from "../cluster/connect.ts";
import { ApiError } from "../cluster/failures.ts";
import { readHistory, settleRevision, type Revision } from "../cluster/history.ts";
import { deletePlugin, readPlugin, type WasmPluginSpec } from "../cluster/plugins.ts";
import { pluginOf } from "../cluster/render.ts";
import { deliver, type Delivered } from "./deliver.ts";
import type { Session } from "./session.ts";
import { readWhileApplied, type Applied } from "./superseded.ts";

/** How to go back. */
export interface BackOptions {
  /** Where to; what ran before when absent. */
  readonly to?: Revision;
  /** Takes fields that others own, and removes those that they have added. */
  readonly force: boolean;
  /** Only as long as the cluster has this. */
  readonly from?: Applied;
}

/**
 * The revision to go back to: the latest that ran everywhere and is not what the cluster has (`spec`). Where the plugin was
 * removed (no `spec`), the latest that ran.
 */
export function previousRevision(
  revisions: readonly Revision[],
  spec: WasmPluginSpec | undefined,
): Revision | undefined {
  if (spec === undefined)
    return revisions.findLast(({ result }) => result === "running" || result === "removed");
  return revisions.findLast((one) => one.result === "running" && !isDeepStrictEqual(one.spec, spec));
}

/**
 * Puts back what ran before what the cluster has now: its spec, or, when nothing else ever ran, no plugin at all. Waits as
 * `deliver` does. Returns what was put back; a SupersededError where the cluster has not `from` any more.
 */
export async function goBack(
  session: Session,
  name: string,
  { to, force, from }: BackOptions,
): Promise<Delivered | "removed"> {
  const { cluster } = session;
  const revisions = await readHistory(cluster, name);
  const plugin = await (from === undefined
    ? readPlugin(cluster, name)
    : readWhileApplied(cluster, name, from));
  const target = to ?? previousRevision(revisions, plugin?.spec);
  if (target === undefined) {
    progress("nothing has ever run under this name before: removing the plugin");
    await remove(cluster, name, from);
    return "removed";
  }
  progress(`going back to revision ${target.revision}, of ${target.at}: ${target.image}`);
  const delivered = await deliver(session, {
    plugin: pluginOf({ namespace: cluster.namespace, name }, target.spec),
    force,
    note: `back to revision ${target.revision}`,
    instead: from,
  });
  const current = runningRevision(revisions, plugin?.spec);
  if (current !== undefined && current.revision !== target.revision) {
    await settleRevision(cluster, name, current.revision, {
      result: "rolled-back",
      note: `taken back by revision ${delivered.revision}`,
    });
  }
  return delivered;
}

/** The revision that the cluster has; where it was changed past this tool, the one that was changed. */
function runningRevision(
  revisions: readonly Revision[],
  spec: WasmPluginSpec | undefined,
): Revision | undefined {
  const running = revisions.filter(({ result }) => result === "running");
  const last = revisions.at(-1);
  return running.findLast((one) => isDeepStrictEqual(one.spec, spec)) ?? running.find((one) => one === last);
}

async function remove(cluster: Cluster, name: string, from: Applied | undefined): Promise<void> {
  if (from === undefined) {
    await deletePlugin(cluster, name);
    return;
  }
  for (;;) {
    const { metadata } = await readWhileApplied(cluster, name, from);
    try {
      await deletePlugin(cluster, name, metadata.resourceVersion);
      return;
    } catch (error) {
      // Somebody wrote to it between our read and our delete: what, the next read tells.
      if (!(error instanceof ApiError) || !error.isStale) throw error;
    }
  }
}
