import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CliError, progress } from "../cli.ts";
import { fetchGoModule, runGo, type FetchedModule, type GoModule } from "./go-module.ts";
import type { PinnedSource, ProvisionContext } from "./tool.ts";

/** A program that is built from a module of the Go module proxy. */
export interface GoProgram {
  readonly module: GoModule;
  /** Version the built program answers with. */
  readonly version: string;
  /** Import path of the main package; or, with `main`, of nothing yet. */
  readonly package: string;
  /** Source of a main package, where the module has none that will do. */
  readonly main?: string;
  readonly tags?: readonly string[];
  /** String variables to set, by `<import path>.<name>`. */
  readonly variables?: Readonly<Record<string, string>>;
  readonly goMod?: GoModEdits;
  /** How long a first build takes, for the person who waits. */
  readonly takes: string;
}

/** What the build's go.mod has otherwise than the module's. */
export interface GoModEdits {
  /** Versions by module: of what the module asks for and the proxy lacks, and of what it does not ask for. */
  readonly requires?: Readonly<Record<string, string>>;
  /** Version to take from the proxy of every module that go.mod replaces by a folder of the module. */
  readonly foldersAt?: string;
}

const buildMillis = 3_600_000;
const buildModule = "tickgate.invalid/build";

/**
 * Builds a program with the caches that `go env GOMODCACHE GOCACHE` names. Everything that goes in is pinned: go.mod is
 * complete and go.sum holds every checksum, the build may add to neither.
 */
export function fromGoModule(program: GoProgram): PinnedSource {
  return {
    version: program.version,
    key: keyOf(program),
    fetch: (directory, context) => build(program, directory, context),
  };
}

/** Tells apart builds of one version: eight digits over all that is pinned but the checksums. */
function keyOf(program: GoProgram): string {
  const pinned = JSON.stringify({ ...program, takes: undefined });
  return createHash("sha256").update(pinned).digest("hex").slice(0, 8);
}

async function build(program: GoProgram, directory: string, context: ProvisionContext): Promise<string> {
  const { module } = program;
  progress(`Building from ${module.path} ${module.version}: ${program.takes} the first time on two cores`);
  const fetched = await fetchGoModule(module, context.env);
  const folder = join(directory, "build");
  await writeBuildFolder(program, fetched, folder);
  const executable = join(directory, "executable");
  const result = await runGo(buildArguments(program, executable), {
    // cgo would link the C library of this machine, and asks for a C compiler.
    env: { ...context.env, GO111MODULE: "on", GOWORK: "off", CGO_ENABLED: "0" },
    cwd: folder,
    timeoutMillis: buildMillis,
  });
  if (result.code === 0) return executable;
  const last = result.stderr.trim().split("\n").slice(-5).join("\n");
  throw new CliError(
    `${program.package} does not build:\n${last}`,
    "Go 1.26 or newer is needed: see `go version`",
  );
}

async function writeBuildFolder(program: GoProgram, fetched: FetchedModule, folder: string): Promise<void> {
  const read = (name: string): Promise<string> => readFile(join(fetched.directory, name), "utf8");
  await mkdir(folder);
  await writeFile(join(folder, "go.mod"), goModOf(program, await read("go.mod")));
  await writeFile(join(folder, "go.sum"), `${await read("go.sum")}${fetched.sums}`);
  if (program.main !== undefined) await writeFile(join(folder, "main.go"), program.main);
}

/** The module's go.mod made into one of a module that requires it. */
function goModOf({ module, goMod }: GoProgram, text: string): string {
  const folders = new Map<string, string>();
  const lines = text.split("\n").map((line) => {
    if (line.startsWith("module ")) return `module ${buildModule}`;
    const [, replaced] = /^\s*(\S+) => \.\//.exec(line) ?? [];
    if (replaced === undefined || goMod?.foldersAt === undefined) return line;
    folders.set(replaced, goMod.foldersAt);
    return `\t${replaced} => ${replaced} ${goMod.foldersAt}`;
  });
  const wanted = new Map([
    ...folders,
    ...Object.entries(goMod?.requires ?? {}),
    [module.path, module.version],
  ]);
  const edited = lines.map((line) => {
    const [, path = ""] = /^\t(\S+) v\S+/.exec(line) ?? [];
    const version = wanted.get(path);
    wanted.delete(path);
    return version === undefined ? line : `\t${path} ${version}`;
  });
  const added = [...wanted].filter(([path]) => !folders.has(path));
  return [...edited, "require (", ...added.map((entry) => `\t${entry.join(" ")}`), ")", ""].join("\n");
}

function buildArguments(program: GoProgram, executable: string): string[] {
  const variables = Object.entries(program.variables ?? {}).map(([name, value]) => `-X ${name}=${value}`);
  const tags = program.tags === undefined ? [] : ["-tags", program.tags.join(",")];
  const linker = ["-s", "-w", ...variables].join(" ");
  const target = program.main === undefined ? program.package : ".";
  const how = ["-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", linker];
  return ["build", ...how, ...tags, "-o", executable, target];
}
