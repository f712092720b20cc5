import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { CliError, runCommand } from "../scripts/lib/cli.ts";
import { runScenario, scenarios } from "./lib/k6.ts";
import { printable } from "./lib/k6-print.ts";
import { scenarioNames, type K6Report, type ScenarioName, type ScenarioOptions } from "./lib/k6-types.ts";

const help = `What a client feels: k6 scenarios against real Envoy, each with one question. Exit code 1 when a condition fails.

  npx tsx bench/k6.ts SCENARIO [...] [options]

${scenarioNames.map((name) => `  ${name.padEnd(26)}${scenarios[name].question}`).join("\n")}

  all                       every scenario but soak

  --rate N         requests a second (overhead: of all arms together)
  --duration T     of the measured load: 45s, 30m, 2h
  --concurrency N  workers of Envoy, default 1
  --arms A,B       overhead: these arms only, beside none and none_again
  --connections N  connections: held open, default 10500
  --seed N         of traffic, order of slices and bootstrap, default 1
  --json FILE      the whole report; with several scenarios an array
`;

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rate: { type: "string" },
      duration: { type: "string" },
      concurrency: { type: "string" },
      arms: { type: "string" },
      connections: { type: "string" },
      seed: { type: "string" },
      json: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help || positionals.length === 0) {
    process.stdout.write(help);
    return values.help ? 0 : 1;
  }
  const options: ScenarioOptions = {
    ...(values.rate && { ratePerSecond: whole("--rate", values.rate) }),
    ...(values.duration && { durationSeconds: duration(values.duration) }),
    ...(values.concurrency && { concurrency: whole("--concurrency", values.concurrency) }),
    ...(values.arms && { arms: values.arms.split(",") }),
    ...(values.connections && { connections: whole("--connections", values.connections) }),
    ...(values.seed && { seed: whole("--seed", values.seed) }),
  };
  const reports: K6Report[] = [];
  for (const name of positionals.flatMap(namesOf)) {
    const report = await runScenario(name, options);
    console.log(`${printable(report)}\n`);
    reports.push(report);
  }
  if (values.json !== undefined) {
    const [first] = reports;
    await writeFile(values.json, `${JSON.stringify(reports.length === 1 ? first : reports, null, 2)}\n`);
  }
  return reports.every(({ passed }) => passed) ? 0 : 1;
}

function namesOf(text: string): ScenarioName[] {
  if (text === "all") return scenarioNames.filter((name) => name !== "soak");
  const name = scenarioNames.find((one) => one === text);
  if (name === undefined)
    throw new CliError(`there is no scenario ${text}`, `scenarios: ${scenarioNames.join(", ")}`);
  return [name];
}

function whole(flag: string, text: string): number {
  const value = /^\d{1,7}$/.test(text) ? Number(text) : 0;
  if (value < 1) throw new CliError(`${flag} ${text} is not a whole number above 0`);
  return value;
}

function duration(text: string): number {
  const [, count = "", unit = ""] = /^(\d{1,6})(s|m|h)$/.exec(text) ?? [];
  const seconds = Number(count) * (unitSeconds[unit] ?? 0);
  if (seconds < 1) throw new CliError(`--duration ${text} is not a time such as 45s, 30m or 2h`);
  return seconds;
}

await runCommand(main);
