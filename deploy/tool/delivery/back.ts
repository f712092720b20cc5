import { isDeepStrictEqual } from "node:util";
import { progress } from "../../../scripts/lib/cli.ts";
import { readHistory, settleRevision, type Revision } from "../cluster/history.ts";
import { clearForeignFields } from "../cluster/foreign-fields.ts";
import { deletePlugin, readPlugin, type WasmPluginSpec } from "../cluster/plugins.ts";
import { pluginOf } from "../cluster/render.ts";
import { deliver, type Delivered } from "./deliver.ts";
import type { Session } from "./session.ts";

/**
 * The revision to go back to. `spec` is what the cluster has: where it was changed past this tool since the last revision
 * ran, that one; else the latest that ran everywhere and says something else than the last. Where the plugin was removed
 * (no `spec`), the latest that ran.
 */
export function previousRevision(
  revisions: readonly Revision[],
  spec: WasmPluginSpec | undefined,
): Revision | undefined {
  if (spec === undefined)
    return revisions.findLast(({ result }) => result === "running" || result === "removed");
  const last = revisions.at(-1);
  if (last?.result === "running" && !isDeepStrictEqual(last.spec, spec)) return last;
  return revisions.findLast((one) => one.result === "running" && !isDeepStrictEqual(one.spec, last?.spec));
}

/**
 * Puts back what ran before the last revision: its spec, or, when nothing ever ran, no plugin at all. A plugin that was
 * changed past this tool goes back to the last revision. Waits as `deliver` does. Returns what was put back.
 */
export async function goBack(
  session: Session,
  name: string,
  { to, force }: { readonly to?: Revision; readonly force: boolean },
): Promise<Delivered | "removed"> {
  const { cluster } = session;
  const revisions = await readHistory(cluster, name);
  const plugin = await readPlugin(cluster, name);
  const current = revisions.at(-1);
  const target = to ?? previousRevision(revisions, plugin?.spec);
  if (target === undefined) {
    progress("nothing has ever run under this name before: removing the plugin");
    await deletePlugin(cluster, name);
    return "removed";
  }
  const wanted = pluginOf({ namespace: cluster.namespace, name }, target.spec);
  if (plugin !== undefined) await clearForeignFields(cluster, wanted, force);
  progress(`going back to revision ${target.revision}, of ${target.at}: ${target.image}`);
  const delivered = await deliver(session, {
    plugin: wanted,
    force,
    note: `back to revision ${target.revision}`,
  });
  if (current?.result === "running" && current.revision !== target.revision) {
    await settleRevision(cluster, name, current.revision, {
      result: "rolled-back",
      note: `taken back by revision ${delivered.revision}`,
    });
  }
  return delivered;
}
