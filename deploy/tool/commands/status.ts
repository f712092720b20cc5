import { defineCommand } from "citty";
import { sleep, takeOverInterrupt } from "../../../scripts/lib/process.ts";
import { clusterArguments } from "../cluster/arguments.ts";
import { istiodArgument, openSession } from "../delivery/session.ts";
import { emit, outputFormat } from "../output.ts";
import { describeStatus, readStatus } from "../delivery/status.ts";
import { describeCommand } from "../run.ts";
import { UsageError } from "../usage.ts";

const watchMillis = 2000;

/** `tickgate status`: where every pod stands, read from its proxy. Exit code 1 when one does not run what it should. */
export const status = defineCommand({
  meta: describeCommand({
    name: "status",
    description: "Shows what every pod runs, and what the filter does there",
    details: "Exit code 0: every pod runs what it should, 1: one does not, 2: the command line is wrong.",
  }),
  args: {
    ...clusterArguments,
    ...istiodArgument,
    watch: { type: "boolean", description: "again every two seconds, until Ctrl-C" },
  },
  async run({ args }) {
    const format = outputFormat(args.output);
    if (args.watch && format === "json") throw new UsageError("--watch is for people", "--output text");
    const session = await openSession(args);
    const signal = args.watch ? takeOverInterrupt() : undefined;
    for (;;) {
      const report = await readStatus(session, args.name);
      emit(format, report, describeStatus);
      if (signal === undefined) return report.healthy ? 0 : 1;
      await sleep(watchMillis, signal);
      if (signal.aborted) return 0;
      process.stdout.write("\n");
    }
  },
});
