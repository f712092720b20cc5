import { defineCommand } from "citty";
import { CliError, progress } from "../../../scripts/lib/cli.ts";
import { takeOverInterrupt } from "../../../scripts/lib/process.ts";
import { whoAmI } from "../cluster/access-review.ts";
import { clusterArguments } from "../cluster/arguments.ts";
import { historyName, readHistory, settleRevision } from "../cluster/history.ts";
import { deletePlugin, readPlugin } from "../cluster/plugins.ts";
import { listPods } from "../cluster/pods.ts";
import { waitUntilGone } from "../dataplane/gone.ts";
import { refuseDuringRollout } from "../delivery/deliver.ts";
import { openSession, type Session } from "../delivery/session.ts";
import { emit, outputFormat } from "../output.ts";

/** `tickgate remove`: deletes the plugin and waits until no pod has it. The history stays. */
export const remove = defineCommand({
  meta: { name: "remove", description: "Takes the filter out of all pods; keeps the history" },
  args: clusterArguments,
  async run({ args }) {
    const format = outputFormat(args.output);
    const session = await openSession(args);
    const { cluster, access, timeoutMillis } = session;
    await refuseDuringRollout(session, args.name);
    const labels = (await readPlugin(cluster, args.name))?.spec.selector?.matchLabels;
    if (labels === undefined) {
      throw new CliError(
        `there is no WasmPlugin ${args.name} in namespace ${cluster.namespace}`,
        "--namespace and --name choose another; nothing was changed",
      );
    }
    const signal = takeOverInterrupt();
    await deletePlugin(cluster, args.name);
    progress(
      `deleted WasmPlugin ${cluster.namespace}/${args.name}; waiting until it is gone from the proxies`,
    );
    await noteRemoval(session, args.name);
    const pods = (): ReturnType<typeof listPods> => listPods(cluster, labels);
    const remaining = await waitUntilGone({ access, name: args.name, pods }, { timeoutMillis, signal });
    if (remaining.length > 0) {
      const waited = signal.aborted ? "when interrupted" : `after ${timeoutMillis / 1000} s (--timeout)`;
      const lines = remaining.map(({ pod, reason }) => `  ${pod.namespace}/${pod.name} ${reason}`);
      throw new CliError(
        `the plugin is deleted, but ${waited} not gone from ${remaining.length} pods:\n${lines.join("\n")}`,
        "is istiod up? A pod that restarts comes back without the plugin",
      );
    }
    const result = {
      removed: `${cluster.namespace}/${args.name}`,
      pods: (await pods()).map(({ name }) => name),
    };
    emit(format, result, () => describe(result, args.name));
  },
});

async function noteRemoval({ cluster }: Session, name: string): Promise<void> {
  const revisions = await readHistory(cluster, name);
  const last = revisions.findLast(({ result }) => result === "running") ?? revisions.at(-1);
  if (last === undefined) return;
  const note = `removed at ${new Date().toISOString()} by ${await whoAmI(cluster)}`;
  await settleRevision(cluster, name, last.revision, {
    result: last.result === "running" ? "removed" : last.result,
    note,
  });
}

function describe({ removed, pods }: { removed: string; pods: readonly string[] }, name: string): string {
  return (
    `${removed} is gone from ${pods.length} pods; tickgate rollback brings it back\n` +
    `kept: ConfigMap ${historyName(name)}. Metrics keep their last values until a pod restarts.`
  );
}
