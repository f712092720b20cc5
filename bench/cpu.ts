import { parseArgs } from "node:util";
import { runCommand } from "../scripts/lib/cli.ts";
import { armIds, armList, moduleToMeasure, wholeNumber, writeReport } from "./harness/command.ts";
import { measureCpu } from "./harness/cpu.ts";
import { printCpu } from "./harness/print-cpu.ts";

const help = `What one request costs in CPU: each arm K times in a listener of one Envoy, in shuffled rounds, against an
empty arm; then whole requests that are refused against allowed ones.

  npx tsx bench/cpu.ts
  npx tsx bench/cpu.ts --rounds 30 --arms exact,native_stack,rust

  --rounds N        default 30
  --requests N      an arm and round, default 6000
  --copies N        of a filter in a listener (K), default 8
  --connections N   default 4
  --users N         default 100
  --arms LIST       of ${armIds.join(" ")}
  --seed N          of the order of arms, default 1
  --module FILE     default build/tickgate.wasm
  --json FILE       writes the report
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "30" },
      requests: { type: "string", default: "6000" },
      copies: { type: "string", default: "8" },
      connections: { type: "string", default: "4" },
      users: { type: "string", default: "100" },
      arms: { type: "string" },
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
  const arms = armList(values.arms);
  const report = await measureCpu({
    rounds: wholeNumber("--rounds", values.rounds, 1000),
    requests: wholeNumber("--requests", values.requests),
    copies: wholeNumber("--copies", values.copies, 64),
    connections: wholeNumber("--connections", values.connections, 64),
    users: wholeNumber("--users", values.users, 100_000),
    seed: wholeNumber("--seed", values.seed),
    module: await moduleToMeasure(values.module),
    ...(arms && { arms }),
  });
  printCpu(report);
  await writeReport(report, values.json);
}

await runCommand(main);
