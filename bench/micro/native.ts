import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CliError } from "../../scripts/lib/cli.ts";
import { filterModule, root, toolsDir } from "../../scripts/lib/paths.ts";
import { runToEnd } from "../../scripts/lib/process.ts";
import { encodeScript } from "./script.ts";
import type { Scenario } from "./scenarios.ts";

const PROGRAMS = ["wasm2c", "gcc", "valgrind"] as const;
const COMPILE_FLAGS = ["-O2", "-w", "-fno-tree-loop-distribute-patterns"];
const commandMillis = 120_000;
const sources = join(root, "bench", "micro");
/** Functions of the filter as wasm2c names them, and its memory.copy and memory.fill. */
const OWN_FUNCTION = /^(w2c_|Z_filterZ_|wasm_mem|memory_(copy|fill))/;

/** The filter as a native program, for exact counts of its instructions. */
export interface NativeFilter {
  /** The versions of the programs that made it: counts compare only within one set. */
  readonly toolchain: string;
  readonly host: string;
  readonly directory: string;
}

/** Builds the native filter, or finds the one built before. Returns the names of programs that are missing. */
export async function buildNative(wasm: Uint8Array): Promise<NativeFilter | readonly string[]> {
  const versions = await Promise.all(PROGRAMS.map(versionOf));
  const missing = PROGRAMS.filter((_, index) => versions[index] === undefined);
  if (missing.length > 0) return missing;
  const toolchain = PROGRAMS.map((name, index) => `${name} ${versions[index]}`).join(", ");
  const inputs = await Promise.all(["host.c", "copies.c"].map((name) => readFile(join(sources, name))));
  const key = createHash("sha256").update(wasm).update(toolchain).update(COMPILE_FLAGS.join());
  for (const input of inputs) key.update(input);
  const directory = join(toolsDir, "bench-micro", key.digest("hex").slice(0, 16));
  const host = join(directory, "host");
  const native = { toolchain, host, directory };
  if ((await readFile(host).catch(() => undefined)) === undefined) await compile(wasm, native);
  return native;
}

async function versionOf(program: string): Promise<string | undefined> {
  try {
    const { stdout } = await runToEnd({
      name: program,
      command: program,
      args: ["--version"],
      timeoutMillis: commandMillis,
    });
    return /\d+\.\d+(\.\d+)?/.exec(stdout.split("\n", 1)[0] ?? "")?.[0];
  } catch {
    return undefined;
  }
}

async function compile(wasm: Uint8Array, { directory, host }: NativeFilter): Promise<void> {
  // Only the latest module's program is kept.
  await rm(join(toolsDir, "bench-micro"), { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  await run("wasm2c", [filterModule, "-n", "filter", "-o", join(directory, "filter.c")]);
  const exported = WebAssembly.Module.exports(new WebAssembly.Module(Buffer.from(wasm)));
  const hears = exported.some(({ name }) => name === "proxy_on_response_headers");
  const object = join(directory, "filter.o");
  const calls = ["-Dmemmove=wasm_memmove", "-Dmemset=wasm_memset", "-DWASM_RT_MEMCHECK_SIGNAL_HANDLER=1"];
  await run("gcc", [...COMPILE_FLAGS, ...calls, "-c", join(directory, "filter.c"), "-o", object]);
  const own = [join(sources, "host.c"), join(sources, "copies.c"), object];
  const include = [`-I${directory}`, ...(hears ? ["-DHAS_RESPONSE_HEADERS"] : [])];
  await run("gcc", [...COMPILE_FLAGS, ...include, ...own, "-o", `${host}.new`]);
  await rename(`${host}.new`, host);
}

async function run(command: string, args: readonly string[]): Promise<string> {
  const result = await runToEnd({ name: command, command, args, timeoutMillis: commandMillis });
  if (result.code === 0) return result.stdout;
  const output = `${result.stderr}${result.stdout}`.trim().split("\n").slice(-8).join("\n");
  throw new CliError(
    `${command} failed:\n${output}`,
    "a host function that the filter is new to? See bench/micro/host.c",
  );
}

async function scriptOf(native: NativeFilter, scenario: Scenario): Promise<string> {
  const path = join(native.directory, `${scenario.name.replaceAll(/\W+/g, "-")}.script`);
  await writeFile(path, encodeScript(scenario));
  return path;
}

/** Pages of the filter's memory after so many requests, with a tick every 5,000. */
export async function pagesAfter(
  native: NativeFilter,
  scenario: Scenario,
  requests: number,
): Promise<number> {
  const script = await scriptOf(native, scenario);
  return Number(await run(native.host, [script, String(scenario.warmUp), String(requests), "5000"]));
}

/** Instructions of the filter for one request by function: what more requests cost more, the host's own left out. */
export async function countInstructions(
  native: NativeFilter,
  scenario: Scenario,
): Promise<Map<string, number>> {
  const script = await scriptOf(native, scenario);
  const [few, many] = scenario.counted < 1000 ? [0, scenario.counted] : [100, 1100];
  const profile = async (requests: number): Promise<Map<string, number>> => {
    const out = join(native.directory, `callgrind.${requests}`);
    const options = ["-q", "--tool=callgrind", `--callgrind-out-file=${out}`, "--compress-strings=no"];
    const play = [native.host, script, String(scenario.warmUp), String(requests), "0"];
    await run("valgrind", [...options, ...play]);
    return ownInstructions(await readFile(out, "utf8"));
  };
  const before = await profile(few);
  const costs = await profile(many);
  return new Map([...costs].map(([name, cost]) => [name, (cost - (before.get(name) ?? 0)) / (many - few)]));
}

/** The self cost of each of the filter's functions in a callgrind profile. */
export function ownInstructions(profile: string): Map<string, number> {
  const costs = new Map<string, number>();
  let name = "";
  let inclusive = false;
  for (const line of profile.split("\n")) {
    if (line.startsWith("fn=")) name = line.slice(3);
    else if (line.startsWith("calls=")) inclusive = true;
    else if (/^[+\-*\d]/.test(line)) {
      // The line after calls= is what the callee cost.
      if (!inclusive && OWN_FUNCTION.test(name))
        costs.set(name, (costs.get(name) ?? 0) + Number(line.split(" ")[1]));
      inclusive = false;
    }
  }
  return costs;
}
