import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CliError } from "../cli.ts";
import { root } from "../paths.ts";
import { runToEnd, type Finished } from "../process.ts";

/** A version of a module on the Go module proxy, with the checksums that everything fetched for it must have. */
export interface GoModule {
  readonly path: string;
  readonly version: string;
  /** File in scripts/lib/provision/go with the go.sum lines of this module and of all that its own go.sum lacks. */
  readonly sums: string;
}

/** A module in Go's module cache. */
export interface FetchedModule {
  /** Read-only. */
  readonly directory: string;
  /** The lines of `GoModule.sums`. */
  readonly sums: string;
}

const downloadMillis = 900_000;
const goHint = "install Go 1.26 or newer (https://go.dev/dl) so that `go` is on PATH";

/** Downloads a module unless the cache has it. A CliError when Go is missing or a checksum is not the pinned one. */
export async function fetchGoModule(module: GoModule, env: NodeJS.ProcessEnv): Promise<FetchedModule> {
  const name = `${module.path}@${module.version}`;
  const sums = await readFile(join(root, "scripts", "lib", "provision", "go", module.sums), "utf8");
  const result = await runGo(["mod", "download", "-json", name], {
    env: { ...env, GO111MODULE: "on", GOWORK: "off" },
    timeoutMillis: downloadMillis,
  });
  const answer: unknown = result.stdout === "" ? undefined : JSON.parse(result.stdout);
  if (result.code !== 0 || !isDownload(answer)) {
    throw new CliError(
      `go cannot get ${name}: ${complaint(answer) ?? result.stderr.trim()}`,
      "see `go env GOPROXY`",
    );
  }
  if (!sums.includes(`${module.path} ${module.version} ${answer.Sum}\n`)) {
    throw new CliError(
      `${name} has checksum ${answer.Sum}, which is not the pinned one: not used`,
      "see `go env GOPROXY`",
    );
  }
  return { directory: answer.Dir, sums };
}

/** Runs the go command; a CliError that says which Go to install when there is none. */
export async function runGo(
  args: readonly string[],
  options: { readonly env: NodeJS.ProcessEnv; readonly cwd?: string; readonly timeoutMillis: number },
): Promise<Finished> {
  try {
    return await runToEnd({ name: `go ${args[0]}`, command: "go", args, ...options });
  } catch (error) {
    if (!(error instanceof CliError) || !error.message.includes("ENOENT")) throw error;
    throw new CliError("there is no go command, and Go 1.26 or newer is needed", goHint);
  }
}

function isDownload(answer: unknown): answer is { Dir: string; Sum: string } {
  return hasText(answer, "Dir") && hasText(answer, "Sum");
}

function complaint(answer: unknown): string | undefined {
  return hasText(answer, "Error") ? answer.Error : undefined;
}

function hasText<K extends string>(value: unknown, key: K): value is Record<K, string> {
  return (
    typeof value === "object" && value !== null && key in value && typeof Reflect.get(value, key) === "string"
  );
}
