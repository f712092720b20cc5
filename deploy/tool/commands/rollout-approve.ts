import { defineCommand } from "citty";
import { CliError } from "../../../scripts/lib/cli.ts";
import { clusterArguments } from "../cluster/arguments.ts";
import { openSession } from "../delivery/session.ts";
import { emit, outputFormat } from "../output.ts";
import { approve, readRollout } from "../rollout/canary.ts";
import { approvalOf, describeStep } from "../rollout/state.ts";

/** `tickgate rollout approve`: lets the step that a rollout pauses in be followed by the next one. */
export const approveRollout = defineCommand({
  meta: { name: "approve", description: "Lets a paused rollout go on with its next step" },
  args: clusterArguments,
  async run({ args }) {
    const format = outputFormat(args.output);
    const { cluster } = await openSession(args);
    const underWay = await readRollout(cluster, args.name);
    if (underWay === undefined) throw new CliError(`no rollout of ${args.name} is under way`);
    const { state, canary } = underWay;
    if (state.phase !== "paused") {
      throw new CliError(
        `the rollout does not wait for an approval: ${describeStep(state)}, phase ${state.phase}`,
        "it is approved once it pauses",
      );
    }
    const approval = approvalOf(state);
    await approve(cluster, canary, approval);
    emit(format, { approved: approval, reason: state.reason }, () =>
      [
        `approved: ${describeStep(state)}, which paused because ${state.reason ?? "it was told to"}`,
        "the process that drives the rollout goes on; where none runs: tickgate rollout --resume",
      ].join("\n"),
    );
  },
});
