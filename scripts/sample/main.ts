import { parseArgs } from "node:util";
import { CliError, runCommand } from "../lib/cli.ts";
import { createTradingService, listen } from "./service.ts";

const help = `Runs a sample trading service on 127.0.0.1 until it is stopped.

  npx tsx scripts/sample/main.ts [--port N] [--seed N]

  --port N   port to listen on (default 8080; 0: any)
  --seed N   latencies and failures are drawn from it (default 1)
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "8080" },
      seed: { type: "string", default: "1" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  const server = createTradingService(wholeNumber("--seed", values.seed));
  const port = await listen(server, wholeNumber("--port", values.port)).catch((error: Error) => {
    throw new CliError(
      `cannot listen on port ${values.port}: ${error.message}`,
      "choose another with --port",
    );
  });
  console.log(`listening on http://127.0.0.1:${port}`);
  // Started with a channel to a parent: do not outlive it.
  process.once("disconnect", () => process.exit(0));
}

function wholeNumber(flag: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new CliError(`${flag} ${text} is not a whole number`);
  return Number(text);
}

await runCommand(main);
