import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CliError } from "../../scripts/lib/cli.ts";
import { root, toolsDir } from "../../scripts/lib/paths.ts";
import { runToEnd } from "../../scripts/lib/process.ts";
import { encodeScript, type Played } from "./script.ts";

const PROGRAMS = ["wasm2c", "gcc", "valgrind"] as const;
const COMPILE_FLAGS = ["-O2", "-w", "-fno-tree-loop-distribute-patterns"];
const commandMillis = 120_000;
const KEPT_PROGRAMS = 3;
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
  await dropOldest(join(toolsDir, "bench-micro"));
  await mkdir(directory, { recursive: true });
  // Another run may be at it too: only the finished program gets its name.
  const made = (name: string): string => join(directory, `${process.pid}-${name}`);
  await writeFile(made("filter.wasm"), wasm);
  await run("wasm2c", [made("filter.wasm"), "-n", "filter", "-o", join(directory, "filter.c")]);
  const exported = WebAssembly.Module.exports(new WebAssembly.Module(Buffer.from(wasm)));
  const heard = exported.filter(({ name }) => name.startsWith("proxy_on_"));
  const calls = ["-Dmemmove=wasm_memmove", "-Dmemset=wasm_memset", "-DWASM_RT_MEMCHECK_SIGNAL_HANDLER=1"];
  await run("gcc", [...COMPILE_FLAGS, ...calls, "-c", join(directory, "filter.c"), "-o", made("filter.o")]);
  const own = [join(sources, "host.c"), join(sources, "copies.c"), made("filter.o")];
  const flags = [`-I${directory}`, ...heard.map(({ name }) => `-DHAS_${name.toUpperCase()}`)];
  await run("gcc", [...COMPILE_FLAGS, ...flags, ...own, "-o", made("host")]);
  await rename(made("host"), host);
}

/** Leaves the programs of the latest modules only: more than one, for there may be a run of another module. */
async function dropOldest(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  const built = await Promise.all(
    names.map(async (name) => ({ name, millis: (await stat(join(folder, name))).mtimeMs })),
  );
  const old = built.toSorted((a, b) => b.millis - a.millis).slice(KEPT_PROGRAMS);
  await Promise.all(old.map(({ name }) => rm(join(folder, name), { recursive: true, force: true })));
}

async function run(command: string, args: readonly string[]): Promise<string> {
  const result = await runToEnd({ name: command, command, args, timeoutMillis: commandMillis });
  if (result.code === 0) return result.stdout;
  const output = `${result.stderr}${result.stdout}`.trim().split("\n").slice(-8).join("\n");
  throw new CliError(
    `${command} failed:\n${output}`,
    "a host function that the filter is new to (bench/micro/host.c), or a header of valgrind that is missing?",
  );
}

/** How `host.c` plays a scenario. */
export interface Play {
  /** Streams before all others, with the headers for the warm-up. */
  readonly warmUp: number;
  /** Then streams numbered from 0. */
  readonly fill?: number;
  /** Then so many streams are opened and stay open. */
  readonly live?: number;
  /** Then the streams that are counted, */
  readonly requests: number;
  /** numbered below this in an order without a pattern; absent: numbered from 0. */
  readonly modulus?: number;
  /** A tick after every so many of them; absent: none. */
  readonly perTick?: number;
}

async function playOf(native: NativeFilter, scenario: Played, play: Play): Promise<string[]> {
  const name = `${process.pid}-${scenario.name.replaceAll(/\W+/g, "-")}.script`;
  const script = join(native.directory, name);
  await writeFile(script, encodeScript(scenario));
  const options = {
    warm_up: play.warmUp,
    fill: play.fill ?? 0,
    live: play.live ?? 0,
    requests: play.requests,
    modulus: play.modulus ?? 0,
    per_tick: play.perTick ?? 0,
  };
  return [script, ...Object.entries(options).map(([key, value]) => `${key}=${value}`)];
}

/** Pages of the filter's memory after a play. */
export async function pagesAfter(native: NativeFilter, scenario: Played, play: Play): Promise<number> {
  const args = await playOf(native, scenario, play);
  const pages = Number(await run(native.host, args));
  await rm(args[0] ?? "", { force: true });
  return pages;
}

/** Instructions of the filter for one of the counted requests by function; the host's own are left out. */
export async function countInstructions(
  native: NativeFilter,
  scenario: Played,
  play: Play,
): Promise<Map<string, number>> {
  const args = await playOf(native, scenario, play);
  const out = `${args[0] ?? ""}.callgrind`;
  const options = ["-q", "--tool=callgrind", "--instr-atstart=no", `--callgrind-out-file=${out}`];
  await run("valgrind", [...options, "--compress-strings=no", native.host, ...args]);
  const costs = ownInstructions(await readFile(out, "utf8"));
  await Promise.all([out, args[0] ?? ""].map((file) => rm(file, { force: true })));
  return new Map([...costs].map(([name, cost]) => [name, cost / play.requests]));
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
