import { access, constants, stat } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { CliError } from "../cli.ts";
import { toolsDir } from "../paths.ts";
import { install } from "./install.ts";
import { versionOf, type Provisioned, type ProvisionContext, type Tool } from "./tool.ts";

/** The surroundings of this process. */
export function hostContext(): ProvisionContext {
  return { env: process.env, toolsDir, platform: `${process.platform}-${process.arch}` };
}

/**
 * Finds a program: the variable, then PATH, then the pinned version in `.tools/`, fetched on first use. A variable
 * that names something unusable is an error, never passed over.
 */
export async function provision(tool: Tool, context: ProvisionContext = hostContext()): Promise<Provisioned> {
  const named = context.env[tool.variable];
  if (named !== undefined && named !== "") return fromVariable(tool, named, context);
  const found = await findOnPath(tool.name, context.env);
  if (found !== undefined) {
    const version = await versionOf(tool, found, context.env);
    if (version !== undefined && isAtLeast(version, tool.atLeast))
      return { path: found, version, origin: "path" };
  }
  const path = await install(tool, context);
  return { path, version: tool.pinned.version, origin: "pinned" };
}

async function fromVariable(tool: Tool, path: string, context: ProvisionContext): Promise<Provisioned> {
  const version = await versionOf(tool, path, context.env);
  if (version === undefined) {
    throw new CliError(
      `${tool.variable}=${path} is not ${tool.name}, or does not run here`,
      `name ${tool.name} ${tool.atLeast} or newer, or unset ${tool.variable} to use the pinned ${tool.pinned.version}`,
    );
  }
  return { path, version, origin: "variable" };
}

/** The first executable file of that name on PATH. */
export async function findOnPath(name: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const directory of (env.PATH ?? "").split(delimiter)) {
    const path = join(directory, name);
    if (directory !== "" && (await isExecutable(path))) return path;
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

function isAtLeast(version: string, minimum: string): boolean {
  return version.localeCompare(minimum, "en", { numeric: true }) >= 0;
}
