import { progress } from "../../../scripts/lib/cli.ts";
import { readHistory, settleRevision, type Revision } from "../cluster/history.ts";
import { deletePlugin, readPlugin } from "../cluster/plugins.ts";
import { pluginOf } from "../cluster/render.ts";
import { deliver, type Delivered } from "./deliver.ts";
import type { Session } from "./session.ts";

/**
 * The revision to go back to: the latest that ran everywhere and says something else than the one applied last. Where
 * the plugin was removed (`present` is false), the latest that ran.
 */
export function previousRevision(revisions: readonly Revision[], present: boolean): Revision | undefined {
  if (!present) return revisions.findLast(({ result }) => result === "running" || result === "removed");
  const current = JSON.stringify(revisions.at(-1)?.spec);
  return revisions.findLast(({ result, spec }) => result === "running" && JSON.stringify(spec) !== current);
}

/**
 * Puts back what ran before the last revision: its spec, or, when nothing ever ran, no plugin at all. Waits as `deliver`
 * does. Returns what was put back.
 */
export async function goBack(
  session: Session,
  name: string,
  { to, force }: { readonly to?: Revision; readonly force: boolean },
): Promise<Delivered | "removed"> {
  const { cluster } = session;
  const revisions = await readHistory(cluster, name);
  const present = (await readPlugin(cluster, name)) !== undefined;
  const current = revisions.at(-1);
  const target = to ?? previousRevision(revisions, present);
  if (target === undefined) {
    progress("nothing has ever run under this name before: removing the plugin");
    await deletePlugin(cluster, name);
    return "removed";
  }
  const plugin = pluginOf({ namespace: cluster.namespace, name }, target.spec);
  progress(`going back to revision ${target.revision}, of ${target.at}: ${target.image}`);
  const delivered = await deliver(session, { plugin, force, note: `back to revision ${target.revision}` });
  if (current?.result === "running") {
    await settleRevision(cluster, name, current.revision, {
      result: "rolled-back",
      note: `taken back by revision ${delivered.revision}`,
    });
  }
  return delivered;
}
