import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { CliError, runCommand } from "./lib/cli.ts";
import { checkConfig } from "./lib/config/check.ts";
import type { Config } from "./lib/config/types.ts";
import { renderSloRules, type Objectives } from "./lib/slo.ts";

const help = `Prints Prometheus rules for the budgets of a plugin configuration: recording rules, burn-rate alerts over several
windows (without what came too late already), and the success rate of orders.

  npm run --silent slo-rules -- --config plugin.json
  npm run --silent slo-rules -- --config plugin.json --objective 99.5 --objective order-placement=99.95

  --config FILE            the plugin configuration (JSON)
  --objective P            percent of requests within their budget, default 99.9 (95..99.999)
  --objective BUDGET=P     the same for one budget
`;

const defaultObjective = 99.9;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      config: { type: "string" },
      objective: { type: "string", multiple: true, default: [] },
      help: { type: "boolean" },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  if (values.config === undefined) throw new CliError("--config is missing", "--help shows how");
  process.stdout.write(renderSloRules(await readConfig(values.config), readObjectives(values.objective)));
}

function readObjectives(texts: readonly string[]): Objectives {
  const budgets = new Map<string, number>();
  let all = defaultObjective;
  for (const text of texts) {
    const [, name, percent] = /^(?:([^=]+)=)?(\d{1,3}(?:\.\d{1,6})?)$/.exec(text) ?? [];
    if (percent === undefined)
      throw new CliError(`--objective ${text} is neither PERCENT nor BUDGET=PERCENT`);
    if (name === undefined) all = Number(percent);
    else budgets.set(name, Number(percent));
  }
  return { all, budgets };
}

async function readConfig(path: string): Promise<Config> {
  const text = await readFile(path).catch(() => undefined);
  if (text === undefined) throw new CliError(`${path} can't be read`);
  const result = checkConfig(text);
  if (result.ok) return result.config;
  const lines = result.errors.map(({ path: place, message }) => `${place}: ${message}`);
  throw new CliError(`${path} is no valid configuration:\n${lines.join("\n")}`);
}

await runCommand(main);
