import { defineCommand, runCommand as runCittyCommand, showUsage } from "citty";
import { runCommand } from "../../scripts/lib/cli.ts";

const main = defineCommand({
  meta: { name: "tickgate", description: "Delivers the Tickgate filter to the sidecars of an Istio mesh" },
  subCommands: {},
});

const rawArgs = process.argv.slice(2);
await runCommand(async () => {
  if (rawArgs.length === 0) return showUsage(main);
  await runCittyCommand(main, { rawArgs });
});
