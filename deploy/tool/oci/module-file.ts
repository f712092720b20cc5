import { readFile, realpath } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { CliError } from "../../../scripts/lib/cli.ts";
import { runToEnd } from "../../../scripts/lib/process.ts";
import { inspectModule } from "../../../scripts/lib/wasm-module.ts";
import { wordsOf } from "../given-file.ts";

const gitMillis = 10_000;

/** A built filter. */
export interface ModuleFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Reads a module and checks that Envoy will load it. Without a path: `build/tickgate.wasm`, or the one beside the tool. */
export async function readModule(path: string | undefined): Promise<ModuleFile> {
  const candidates = path === undefined ? await usualPlaces() : [path];
  for (const candidate of candidates) {
    const bytes = await readIfThere(candidate);
    if (bytes === undefined) continue;
    const copy = new Uint8Array(bytes);
    if (!WebAssembly.validate(copy)) throw new CliError(`${candidate} is no WebAssembly module`);
    await inspectModule(copy, true);
    return { path: candidate, bytes: copy };
  }
  throw new CliError(`there is no module at ${candidates.join(" or ")}`, "npm run build");
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new CliError(`${path} can't be read: ${wordsOf(error)}`, "name the module: build/tickgate.wasm");
  }
}

async function usualPlaces(): Promise<string[]> {
  const tool = await realpath(process.argv[1] ?? ".").catch(() => ".");
  return [...new Set([join("build", "tickgate.wasm"), join(dirname(tool), "tickgate.wasm")])];
}

/** The commit a file lies in, when all that git follows there is as committed; else undefined. */
export async function revisionOf(path: string): Promise<string | undefined> {
  const cwd = dirname(resolve(path));
  const git = async (...args: readonly string[]): Promise<string | undefined> => {
    const result = await runToEnd({ name: "git", command: "git", args, cwd, timeoutMillis: gitMillis });
    return result.code === 0 ? result.stdout.trim() : undefined;
  };
  try {
    const changes = await git("status", "--porcelain", "--untracked-files=no");
    return changes === "" ? await git("rev-parse", "HEAD") : undefined;
  } catch (error) {
    // Without git there is no revision to tell.
    if (error instanceof CliError) return undefined;
    throw error;
  }
}
