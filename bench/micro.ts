import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { CliError, progress, runCommand } from "../scripts/lib/cli.ts";
import { ensureFilter } from "../scripts/lib/filter-build.ts";
import { table } from "../scripts/lib/table.ts";
import {
  differences,
  readBudgets,
  writeBudgets,
  type Cost,
  type Difference,
  type Figures,
} from "./micro/budgets.ts";
import { countCrossings } from "./micro/crossings.ts";
import { buildNative, countInstructions, pagesAfter, type NativeFilter } from "./micro/native.ts";
import { SCENARIOS, type Scenario } from "./micro/scenarios.ts";

const help = `Counts what a request costs in the filter: host calls, copies, instructions, memory. The same on every run.

  npm run bench:micro                  compares with bench/micro/budgets.json, fails where that is not kept
  npm run bench:micro -- --accept      makes this run's figures the budget
  npm run bench:micro -- --functions allowed    shows which functions a path's instructions are in
`;

/** A filter whose memory has settled by the first must not have grown by the second. */
const [SETTLED, MANY] = [10_000, 1_000_000];
const SHOWN_FUNCTIONS = 25;
const INSTALL = "apt-get install -y wabt valgrind gcc";
/** Host calls that return bytes: the host calls the filter's malloc for each. */
const RETURNING = /^proxy_get_(header_map_pairs|header_map_value|property|shared_data|buffer_bytes)$/;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { accept: { type: "boolean" }, functions: { type: "string" }, help: { type: "boolean" } },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const wasm = await readFile(await ensureFilter());
  if (values.functions !== undefined) return printFunctions(wasm, values.functions);
  const figures = await measure(wasm);
  print(figures);
  const excess = SCENARIOS.flatMap((scenario) => excessOf(scenario, figures.paths[scenario.name]));
  const budgets = await readBudgets();
  if (values.accept) {
    await writeBudgets(figures, budgets);
    console.log("\nbench/micro/budgets.json holds these figures now");
  }
  for (const line of excess) console.log(`\n${line}`);
  const kept = values.accept === true || judge(budgets, figures);
  return kept && excess.length === 0 ? 0 : 1;
}

async function measure(wasm: Uint8Array): Promise<Figures> {
  const native = await buildNative(wasm);
  const missing = "toolchain" in native ? undefined : native.join(", ");
  if (missing !== undefined) {
    progress(`no ${missing}: instructions and memory are not counted (${INSTALL})`);
  }
  const paths: Record<string, Cost> = {};
  for (const scenario of SCENARIOS) {
    const more = "toolchain" in native ? await measureNative(native, scenario) : {};
    paths[scenario.name] = { ...countCrossings(wasm, scenario), ...more };
  }
  const toolchain = "toolchain" in native ? { toolchain: native.toolchain } : {};
  return { moduleBytes: wasm.byteLength, ...toolchain, paths };
}

async function measureNative(native: NativeFilter, scenario: Scenario): Promise<Partial<Cost>> {
  const costs = await countInstructions(native, scenario);
  const instructions = [...costs.values()].reduce((total, cost) => total + cost, 0);
  const pages = await pagesAfter(native, scenario, SETTLED);
  const pagesGrown = (await pagesAfter(native, scenario, MANY)) - pages;
  return { instructions: Math.round(instructions * 10) / 10, pages, pagesGrown };
}

async function printFunctions(wasm: Uint8Array, path: string): Promise<number> {
  const scenario = SCENARIOS.find(({ name }) => name === path);
  const names = SCENARIOS.map(({ name }) => name).join(", ");
  if (scenario === undefined) throw new CliError(`there is no path ${path}`, `paths: ${names}`);
  const native = await buildNative(wasm);
  if (!("toolchain" in native)) throw new CliError(`no ${native.join(", ")}`, INSTALL);
  const costs = [...(await countInstructions(native, scenario))].toSorted((a, b) => b[1] - a[1]);
  const rows = costs
    .slice(0, SHOWN_FUNCTIONS)
    .map(([name, cost]) => [name.replace(/^w2c_/, ""), cost.toFixed(1)]);
  console.log(table([["function", "instructions a request"], ...rows]));
  return 0;
}

function print({ moduleBytes, toolchain, paths }: Figures): void {
  console.log(`module  ${moduleBytes} bytes${toolchain === undefined ? "" : `; counted by ${toolchain}`}\n`);
  const head = [
    "path",
    "host calls",
    "returning",
    "mallocs",
    "bytes in",
    "instructions",
    "pages",
    "after 1M",
  ];
  const rows = Object.entries(paths).map(([name, cost]) => [
    name,
    String(sum(cost.calls)),
    String(sum(cost.calls, RETURNING)),
    String(cost.mallocs),
    String(cost.bytesCopied),
    cost.instructions?.toFixed(1) ?? "-",
    String(cost.pages ?? "-"),
    cost.pagesGrown === undefined ? "-" : `+${cost.pagesGrown}`,
  ]);
  console.log(table([head, ...rows]));
  const names = [...new Set(Object.values(paths).flatMap((cost) => Object.keys(cost.calls)))].toSorted();
  const calls = Object.entries(paths).map(([path, cost]) => {
    return [path].concat(names.map((name) => shown(cost.calls[name])));
  });
  const short = names.map((name) => name.replace(/^proxy_/, ""));
  console.log(`\n${table([["host calls a request", ...short], ...calls])}`);
}

function shown(count: number | undefined): string {
  return count === undefined ? "" : String(count);
}

function sum(calls: Readonly<Record<string, number>>, which = /./): number {
  const counts = Object.entries(calls).filter(([name]) => which.test(name));
  return Math.round(counts.reduce((total, [, count]) => total + count, 0) * 1000) / 1000;
}

/** Where a path costs more than it may ever. */
function excessOf({ name, most }: Scenario, cost: Cost | undefined): string[] {
  if (cost === undefined) return [];
  const lines = [];
  if ((cost.pagesGrown ?? 0) > 0)
    lines.push(`${name}: memory grows with traffic, by ${cost.pagesGrown} pages`);
  if (most === undefined) return lines;
  const calls = sum(cost.calls);
  const returning = sum(cost.calls, RETURNING);
  if (calls > most.hostCalls)
    lines.push(`${name}: ${calls} host calls, at most ${most.hostCalls} are allowed`);
  if (returning > most.returningBytes) {
    lines.push(
      `${name}: ${returning} host calls that return bytes, at most ${most.returningBytes} are allowed`,
    );
  }
  return lines;
}

function judge(budgets: Figures | undefined, figures: Figures): boolean {
  if (budgets === undefined) {
    throw new CliError("there is no bench/micro/budgets.json", "npm run bench:micro -- --accept writes it");
  }
  if (figures.toolchain !== undefined && figures.toolchain !== budgets.toolchain) {
    progress(`instructions are not compared: the budget was counted by ${budgets.toolchain ?? "nobody"}`);
  }
  const changed = differences(budgets, figures);
  if (changed.length === 0) {
    console.log("\nas budgeted in bench/micro/budgets.json");
    return true;
  }
  console.log(`\nnot as budgeted in bench/micro/budgets.json:\n${table([HEAD, ...changed.map(row)])}`);
  console.log("\nif that is meant: npm run bench:micro -- --accept, and tell in the commit why");
  return false;
}

const HEAD = ["path", "figure", "before", "after", "change"];

function row({ path, figure, before, after }: Difference): string[] {
  const known = before !== undefined && after !== undefined && before !== 0;
  const change = known ? `${(((after - before) / before) * 100).toFixed(1)} %` : "";
  return [path, figure, shown(before), shown(after), change];
}

await runCommand(main);
