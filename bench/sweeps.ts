import { parseArgs } from "node:util";
import { runCommand } from "../scripts/lib/cli.ts";
import { moduleToMeasure, numberList, wholeNumber, writeReport } from "./harness/command.ts";
import { measureCostSweeps } from "./harness/cost-sweeps.ts";
import { printSweeps } from "./harness/print-sweeps.ts";

const help = `How the CPU cost of a filter depends on the number of users and on the number of live streams, in real Envoy.

  npx tsx bench/sweeps.ts

  --rounds N      default 7
  --requests N    an arm and round, default 5000
  --copies N      of a filter in a listener, default 4
  --users LIST    default 1,1000,100000
  --streams LIST  default 0,100,1000,10000
  --seed N        default 1
  --module FILE   default build/tickgate.wasm
  --json FILE     writes the report
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "7" },
      requests: { type: "string", default: "5000" },
      copies: { type: "string", default: "4" },
      users: { type: "string", default: "1,1000,100000" },
      streams: { type: "string", default: "0,100,1000,10000" },
      seed: { type: "string", default: "1" },
      module: { type: "string" },
      json: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  const report = await measureCostSweeps({
    rounds: wholeNumber("--rounds", values.rounds, 1000),
    requests: wholeNumber("--requests", values.requests),
    copies: wholeNumber("--copies", values.copies, 64),
    users: numberList("--users", values.users).map((count) => Math.max(1, count)),
    liveStreams: numberList("--streams", values.streams),
    seed: wholeNumber("--seed", values.seed),
    module: await moduleToMeasure(values.module),
  });
  printSweeps(report);
  await writeReport(report, values.json);
}

await runCommand(main);
