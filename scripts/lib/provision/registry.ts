import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { CliError, progress } from "../cli.ts";
import { runToEnd, type Finished } from "../process.ts";
import { provision } from "./provision.ts";
import type { PinnedSource, Provisioned, ProvisionContext, Tool } from "./tool.ts";

const hint = "install it (apt-get install -y docker-registry) or name a binary in DOCKER_REGISTRY_BIN";
const aptMillis = 300_000;

const registry: Tool = {
  name: "docker-registry",
  variable: "DOCKER_REGISTRY_BIN",
  versionArgs: ["--version"],
  version: (output) =>
    /github\.com\/(?:docker|distribution)\/distribution\S* v?(\d+\.\d+\.\d+)/.exec(output)?.[1],
  atLeast: "2.8",
  pinned: fromDebianPackage("docker-registry", "2.8.2", "usr/bin/docker-registry"),
};

/** A container registry: `DOCKER_REGISTRY_BIN`, else PATH, else Debian's package, unpacked into `.tools/`. */
export function provisionRegistry(context?: ProvisionContext): Promise<Provisioned> {
  return provision(registry, context);
}

/** Unpacks a package that apt has for this machine, without installing it: its service would start by itself. */
function fromDebianPackage(name: string, version: string, member: string): PinnedSource {
  return {
    version,
    async fetch(directory, context) {
      let got = await apt(["download", "--quiet", name], directory, context);
      if (got.code !== 0) {
        progress("Updating apt's list of packages");
        await apt(["update", "--quiet"], directory, context);
        got = await apt(["download", "--quiet", name], directory, context);
      }
      const file = (await readdir(directory)).find((entry) => entry.endsWith(".deb"));
      if (got.code !== 0 || file === undefined) {
        throw new CliError(`apt-get cannot download ${name}: ${got.stderr.trim().split("\n").at(-1)}`, hint);
      }
      await verify(name, join(directory, file), context);
      const args = ["--extract", join(directory, file), directory];
      const unpacked = await run("dpkg", args, directory, context);
      if (unpacked.code !== 0)
        throw new CliError(`dpkg cannot unpack ${file}: ${unpacked.stderr.trim()}`, hint);
      return join(directory, member);
    },
  };
}

/** Against the hash in apt's lists, which are signed. */
async function verify(name: string, path: string, context: ProvisionContext): Promise<void> {
  const shown = await run("apt-cache", ["show", name], undefined, context);
  const actual = createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
  if (shown.stdout.includes(`SHA256: ${actual}\n`)) return;
  throw new CliError(
    `${name} as downloaded has sha256 ${actual}, which apt's lists do not name: not used`,
    hint,
  );
}

function apt(args: readonly string[], cwd: string, context: ProvisionContext): Promise<Finished> {
  return run("apt-get", args, cwd, context);
}

async function run(
  command: string,
  args: readonly string[],
  cwd: string | undefined,
  { env }: ProvisionContext,
): Promise<Finished> {
  try {
    const where = cwd === undefined ? {} : { cwd };
    return await runToEnd({ name: command, command, args, env, timeoutMillis: aptMillis, ...where });
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    throw new CliError(`there is no docker-registry here: ${error.message}`, hint);
  }
}
