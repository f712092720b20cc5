import { createHash } from "node:crypto";
import { access, copyFile, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { compile } from "../../scripts/lib/asc.ts";
import { CliError, withProgress } from "../../scripts/lib/cli.ts";
import { root, toolsDir } from "../../scripts/lib/paths.ts";
import { runToEnd } from "../../scripts/lib/process.ts";
import { findOnPath } from "../../scripts/lib/provision/provision.ts";
import type { PeerName } from "./arm.ts";

/** What was built, and for each of the others why not, in one line. */
export interface BuiltPeers {
  readonly modules: ReadonlyMap<PeerName, string>;
  readonly missing: ReadonlyMap<PeerName, string>;
}

const sources = join(root, "bench", "harness", "peers");
const built = join(toolsDir, "bench-peers");
const rustTarget = "wasm32-wasip1";
const commandMillis = 600_000;

const builders: Readonly<Record<PeerName, () => Promise<string>>> = {
  "pass-through": buildPassThrough,
  rust: buildRust,
  sdk: buildSdk,
};

/** Builds peers into `.tools/`. One that cannot be built here is left out with the reason. */
export async function buildPeers(names: readonly PeerName[]): Promise<BuiltPeers> {
  const modules = new Map<PeerName, string>();
  const missing = new Map<PeerName, string>();
  for (const name of names) {
    try {
      modules.set(name, await withProgress(`Building the peer ${name}`, builders[name]));
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      missing.set(name, error.message.split("\n", 1)[0] ?? "");
    }
  }
  return { modules, missing };
}

async function buildPassThrough(): Promise<string> {
  const source = join(sources, "pass-through", "index.ts");
  const directory = await directoryFor("pass-through", [source]);
  const module = join(directory, "pass-through.wasm");
  if (await exists(module)) return module;
  const flags = ["-O3", "--runtime", "stub", "--exportStart", "_initialize", "--use", "abort="];
  await compile(source, ...flags, "--outFile", module);
  return module;
}

/** Its SDK needs a newer compiler than ours: both come from a lockfile of its own. */
async function buildSdk(): Promise<string> {
  const names = ["package.json", "package-lock.json", "asconfig.json", "index.ts"];
  const inputs = names.map((name) => join(sources, "sdk", name));
  const directory = await directoryFor("sdk", inputs);
  const module = join(directory, "sdk.wasm");
  if (await exists(module)) return module;
  for (const name of names) await copyFile(join(sources, "sdk", name), join(directory, name));
  await run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], directory);
  const asc = join(directory, "node_modules", "assemblyscript", "bin", "asc.js");
  const flags = ["--config", "asconfig.json", "--outFile", "sdk.wasm"];
  await run(process.execPath, [asc, "index.ts", ...flags], directory);
  return module;
}

async function buildRust(): Promise<string> {
  const cargo = await findOnPath("cargo", process.env);
  if (cargo === undefined) throw new CliError("no cargo on PATH");
  const rustup = await findOnPath("rustup", process.env);
  if (rustup !== undefined) await run(rustup, ["target", "add", rustTarget]);
  const target = join(built, "rust");
  const flags = ["--release", "--locked", "--target", rustTarget, "--target-dir", target];
  await run(cargo, ["build", "--quiet", ...flags], join(sources, "rust"));
  return join(target, rustTarget, "release", "tickgate_peer.wasm");
}

async function run(command: string, args: readonly string[], cwd = root): Promise<void> {
  const name = command === process.execPath ? "asc" : (command.split("/").at(-1) ?? command);
  const result = await runToEnd({ name, command, args, cwd, timeoutMillis: commandMillis });
  if (result.code === 0) return;
  const output = `${result.stderr}${result.stdout}`.trim().split("\n");
  const complaint = output.find((line) => /error/i.test(line)) ?? output.at(-1) ?? "";
  throw new CliError(`${name} ${args[0] ?? ""} failed: ${complaint.trim()}\n${output.slice(-10).join("\n")}`);
}

/** A directory of its own for every content of the inputs. */
async function directoryFor(name: PeerName, inputs: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const input of inputs) hash.update(await readFile(input));
  const directory = join(built, `${name}-${hash.digest("hex").slice(0, 12)}`);
  await mkdir(directory, { recursive: true });
  return directory;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
