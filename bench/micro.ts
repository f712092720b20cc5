import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { CliError, progress, runCommand } from "../scripts/lib/cli.ts";
import { ensureFilter } from "../scripts/lib/filter-build.ts";
import { table } from "../scripts/lib/table.ts";
import { readBudgets, writeBudgets, type Figures } from "./micro/figures.ts";
import { TOLERANCE, judge, steepSweeps, type Verdict } from "./micro/gate.ts";
import { INSTALL, measureMicro } from "./micro/measure.ts";
import { buildNative, countInstructions } from "./micro/native.ts";
import { changeTable, figureTables, hostCalls } from "./micro/print.ts";
import { SCENARIOS } from "./micro/scenarios.ts";

const help = `Counts what a request costs in the filter: host calls, copies, instructions, memory. The same on every run.
Compares with bench/micro/budgets.json, and fails where a figure moved by more than ${TOLERANCE * 100} %, where memory
grows with traffic, or where the cost grows with users, live streams, series or the size of the configuration.

  npm run bench:micro                           all of it, one to four minutes
  npm run bench:micro -- --accept               makes this run's figures the budget
  npm run bench:micro -- --no-sweeps            only the paths, a third of a minute
  npm run bench:micro -- --functions allowed    shows which functions a path's instructions are in
  npm run bench:micro -- --module FILE          counts another module than build/tickgate.wasm
  npm run bench:micro -- --json FILE            writes the figures there too
`;

const SHOWN_FUNCTIONS = 25;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      accept: { type: "boolean" },
      "no-sweeps": { type: "boolean" },
      functions: { type: "string" },
      module: { type: "string" },
      json: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const wasm = await readModule(values.module);
  if (values.functions !== undefined) return printFunctions(wasm, values.functions);
  const figures = await measureMicro(wasm, { sweeps: values["no-sweeps"] !== true, progress });
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(figures, null, 2)}\n`);
  console.log(figureTables(figures));
  const excess = excesses(figures);
  for (const line of excess) console.log(`\n${line}`);
  return (await compare(figures, values.accept === true)) && excess.length === 0 ? 0 : 1;
}

async function readModule(path: string | undefined): Promise<Uint8Array> {
  return readFile(path ?? (await ensureFilter())).catch(() => {
    throw new CliError(`cannot read ${path ?? "the filter"}`);
  });
}

async function compare(figures: Figures, accept: boolean): Promise<boolean> {
  const budgets = await readBudgets();
  if (accept) {
    await writeBudgets(figures, budgets);
    console.log("\nbench/micro/budgets.json holds these figures now");
    const steep = steepSweeps(figures);
    for (const line of steep) console.log(`\n${line}`);
    return steep.length === 0;
  }
  if (budgets === undefined) {
    throw new CliError("there is no bench/micro/budgets.json", "npm run bench:micro -- --accept writes it");
  }
  const verdict = judge(budgets, figures);
  if (verdict.incomparable) {
    progress(`instructions are not compared: the budget was counted by ${budgets.toolchain ?? "nobody"}`);
  }
  printVerdict(verdict);
  return verdict.passed;
}

function printVerdict({ passed, changes, better, steep }: Verdict): void {
  if (passed) console.log("\nas budgeted in bench/micro/budgets.json");
  if (changes.length > 0) {
    console.log(`\nnot as budgeted in bench/micro/budgets.json:\n${changeTable(changes)}`);
    const why = better ? "all for the better: keep it by" : "if that is meant:";
    console.log(`\n${why} npm run bench:micro -- --accept, and tell in the commit why`);
  }
  for (const line of steep) console.log(`\n${line}`);
}

async function printFunctions(wasm: Uint8Array, path: string): Promise<number> {
  const scenario = SCENARIOS.find(({ name }) => name === path);
  const names = SCENARIOS.map(({ name }) => name).join("; ");
  if (scenario === undefined) throw new CliError(`there is no path ${path}`, `paths: ${names}`);
  const native = await buildNative(wasm);
  if (!("toolchain" in native)) throw new CliError(`no ${native.join(", ")}`, INSTALL);
  const play = { warmUp: scenario.warmUp, requests: scenario.counted };
  const costs = [...(await countInstructions(native, scenario, play))].toSorted((a, b) => b[1] - a[1]);
  const total = costs.reduce((sum, [, cost]) => sum + cost, 0);
  const rows = costs
    .slice(0, SHOWN_FUNCTIONS)
    .map(([name, cost]) => [name.replace(/^w2c_/, ""), cost.toFixed(1)]);
  console.log(table([["function", "instructions a request"], ...rows, ["all", total.toFixed(1)]]));
  return 0;
}

/** Where a path costs more than it may ever, whatever the budget says. */
function excesses(figures: Figures): string[] {
  return SCENARIOS.flatMap(({ name, most }) => {
    const cost = figures.paths[name];
    if (cost === undefined) return [];
    const grown = cost.pagesGrown ?? 0;
    const lines = grown > 0 ? [`${name}: memory grows with traffic, by ${grown} pages`] : [];
    const [calls, returning] = [hostCalls(cost, "all"), hostCalls(cost, "returning")];
    if (most === undefined) return lines;
    if (calls > most.hostCalls)
      lines.push(`${name}: ${calls} host calls, at most ${most.hostCalls} are allowed`);
    if (returning > most.returningBytes)
      lines.push(
        `${name}: ${returning} host calls that return bytes, at most ${most.returningBytes} are allowed`,
      );
    return lines;
  });
}

await runCommand(main);
