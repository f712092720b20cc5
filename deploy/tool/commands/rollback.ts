import { defineCommand } from "citty";
import { CliError } from "../../../scripts/lib/cli.ts";
import { clusterArguments } from "../cluster/arguments.ts";
import { readHistory, type Revision } from "../cluster/history.ts";
import { readPlugin } from "../cluster/plugins.ts";
import { goBack, previousRevision } from "../delivery/back.ts";
import { refuseDuringRollout } from "../delivery/deliver.ts";
import { istiodArgument, openSession, type Session } from "../delivery/session.ts";
import { emit, outputFormat } from "../output.ts";
import { UsageError } from "../usage.ts";

/** `tickgate rollback`: applies the spec that ran before, and waits until every pod runs it. */
export const rollback = defineCommand({
  meta: { name: "rollback", description: "Puts back what ran before (or revision --to), and waits for it" },
  args: {
    ...clusterArguments,
    ...istiodArgument,
    to: { type: "string", description: "revision of tickgate history (default: the last that ran before)" },
    "force-conflicts": { type: "boolean", description: "take over fields that others own" },
  },
  async run({ args }) {
    const format = outputFormat(args.output);
    if (args.to !== undefined && !/^\d+$/.test(args.to))
      throw new UsageError(`--to ${args.to} is not a number of a revision`, "tickgate history lists them");
    const session = await openSession(args);
    await refuseDuringRollout(session, args.name);
    const to = await target(session, args.name, args.to);
    const result = await goBack(session, args.name, { to, force: args["force-conflicts"] === true });
    emit(format, result, (done) =>
      done === "removed"
        ? "the plugin is removed"
        : `revision ${done.revision} runs on ${done.pods.length} pods`,
    );
  },
});

async function target({ cluster }: Session, name: string, to: string | undefined): Promise<Revision> {
  const revisions = await readHistory(cluster, name);
  const plugin = await readPlugin(cluster, name);
  const found =
    to === undefined
      ? previousRevision(revisions, plugin?.spec)
      : revisions.find(({ revision }) => revision === Number(to));
  if (found !== undefined) return found;
  const kept = revisions.map(({ revision }) => revision).join(", ");
  throw new CliError(
    to === undefined
      ? `there is nothing to go back to: no other revision of ${cluster.namespace}/${name} has run`
      : `there is no revision ${to} of ${cluster.namespace}/${name}; kept are: ${kept || "none"}`,
    "tickgate history lists them; tickgate remove takes the filter out of all pods",
  );
}
