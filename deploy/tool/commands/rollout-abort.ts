import { defineCommand } from "citty";
import { CliError } from "../../../scripts/lib/cli.ts";
import { readHistory } from "../cluster/history.ts";
import { openSession, type Session } from "../delivery/session.ts";
import { readRollout, requestAbort } from "../rollout/canary.ts";
import { DrivenElsewhere } from "../rollout/claim.ts";
import { canTurnBack } from "../rollout/machine.ts";
import { checkDriveArguments, driveArguments } from "../rollout/options.ts";
import { readStable } from "../rollout/stable.ts";
import { historyTag, type RolloutState } from "../rollout/state.ts";
import { emit, outputFormat } from "../output.ts";
import { driveToEnd, exitCodes, RolloutOver } from "./rollout.ts";

/** `tickgate rollout abort`: takes a rollout back; itself when no other process drives it. */
export const abortRollout = defineCommand({
  meta: { name: "abort", description: "Takes the rollout under way back: all pods to the old version" },
  args: { ...driveArguments, reason: { type: "string", description: "for the history", default: "by hand" } },
  async run({ args }) {
    const format = outputFormat(args.output);
    checkDriveArguments(args);
    const session = await openSession(args);
    const underWay = await readRollout(session.cluster, args.name);
    if (underWay === undefined) throw new CliError(`no rollout of ${args.name} is under way`);
    const { state, canary } = underWay;
    const versions = { original: state.original, target: canary.spec };
    const stable = await readStable(session.cluster, args.name, versions);
    if (!canTurnBack(state, stable) && state.phase !== "rolling-back") {
      throw new CliError(
        "the new version is promoted already: the stable plugin has it",
        "tickgate rollout --resume brings it to its end, tickgate rollback then goes back",
      );
    }
    await requestAbort(session.cluster, canary, args.reason);
    try {
      const result = await driveToEnd(session, args, { state, target: canary.spec });
      if (result === "rolled-back") return 0;
      return result === "promoted" ? 1 : exitCodes[result];
    } catch (error) {
      if (!(await isDoneByAnother(error, session, args.name, state))) throw error;
      emit(
        format,
        { result: "requested" },
        () => "the process that drives the rollout was asked to take it back",
      );
      return 0;
    }
  },
});

/** Whether a living process was asked, or one has done it by now. */
async function isDoneByAnother(
  error: unknown,
  { cluster }: Session,
  plugin: string,
  state: RolloutState,
): Promise<boolean> {
  if (error instanceof DrivenElsewhere) return true;
  if (!(error instanceof RolloutOver)) return false;
  const revisions = await readHistory(cluster, plugin);
  return revisions.some(
    ({ result, note }) => result === "rolled-back" && note?.startsWith(historyTag(state)) === true,
  );
}
