import { parseArgs } from "node:util";
import { runCommand } from "../scripts/lib/cli.ts";
import { moduleToMeasure, numberList, wholeNumber, writeReport } from "./harness/command.ts";
import { measureMemory } from "./harness/memory.ts";
import { printMemory } from "./harness/print-memory.ts";

const help = `Envoy's resident size with and without the filter: a VM, 100,000 users, 1,000 series, against 128 MiB.

  npx tsx bench/memory.ts

  --rounds N     fresh Envoys a point, default 3
  --workers LIST default 1,2,4
  --users N      default 100000 (at most 100000)
  --series N     default 1000 (at most 1000)
  --module FILE  default build/tickgate.wasm
  --json FILE    writes the report
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "3" },
      workers: { type: "string", default: "1,2,4" },
      users: { type: "string", default: "100000" },
      series: { type: "string", default: "1000" },
      module: { type: "string" },
      json: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const report = await measureMemory({
    rounds: wholeNumber("--rounds", values.rounds, 100),
    workers: numberList("--workers", values.workers).map((count) => Math.max(1, count)),
    users: wholeNumber("--users", values.users, 100_000),
    series: wholeNumber("--series", values.series, 1000),
    module: await moduleToMeasure(values.module),
  });
  printMemory(report);
  await writeReport(report, values.json);
  return report.fits ? 0 : 1;
}

await runCommand(main);
