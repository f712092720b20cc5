import { parseArgs } from "node:util";
import { runCommand } from "../scripts/lib/cli.ts";
import { moduleToMeasure, wholeNumber, writeReport } from "./harness/command.ts";
import { printThroughput } from "./harness/print-throughput.ts";
import { measureThroughput } from "./harness/throughput.ts";

const help = `The highest rate that one worker sustains with and without the filter, its CPU at a steady rate, and what
that means for sidecars of 100m to 500m and for 100,000 requests a second.

  npx tsx bench/throughput.ts

  --rounds N            default 7
  --requests N          an arm and round at the full rate, default 30000
  --connections N       at the full rate, default 32
  --users N             default 100
  --steady-seconds N    of the open loop, a round, default 4
  --steady-rate N       requests a second of the open loop, default 1000
  --seed N              of the order of arms, default 1
  --module FILE         default build/tickgate.wasm
  --json FILE           writes the report
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "7" },
      requests: { type: "string", default: "30000" },
      connections: { type: "string", default: "32" },
      users: { type: "string", default: "100" },
      "steady-seconds": { type: "string", default: "4" },
      "steady-rate": { type: "string", default: "1000" },
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
  const report = await measureThroughput({
    rounds: wholeNumber("--rounds", values.rounds, 1000),
    requests: wholeNumber("--requests", values.requests),
    connections: wholeNumber("--connections", values.connections, 512),
    users: wholeNumber("--users", values.users, 100_000),
    steadySeconds: wholeNumber("--steady-seconds", values["steady-seconds"], 600),
    steadyPerSecond: wholeNumber("--steady-rate", values["steady-rate"], 100_000),
    seed: wholeNumber("--seed", values.seed),
    module: await moduleToMeasure(values.module),
  });
  printThroughput(report);
  await writeReport(report, values.json);
}

await runCommand(main);
