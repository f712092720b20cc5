import { access, chmod, mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { CliError, withProgress } from "../cli.ts";
import { versionOf, type ProvisionContext, type Tool } from "./tool.ts";

const partialPrefix = ".partial-";
const abandonedMillis = 3_600_000;

/**
 * The pinned version of a tool in `toolsDir`, fetched when it is not there. A directory appears under its final name
 * only after the program in it has run, by one rename: an interrupted or a second install cannot be mistaken for it.
 */
export async function install(tool: Tool, context: ProvisionContext): Promise<string> {
  const { version, key } = tool.pinned;
  const parts = [tool.name, version, ...(key === undefined ? [] : [key]), context.platform];
  const directory = join(context.toolsDir, parts.join("-"));
  const executable = join(directory, tool.name);
  if (await exists(executable)) return executable;
  await mkdir(context.toolsDir, { recursive: true });
  await removeAbandoned(context.toolsDir);
  const partial = await mkdtemp(join(context.toolsDir, partialPrefix));
  try {
    await withProgress(`Getting ${tool.name} ${tool.pinned.version}`, () =>
      fetchInto(partial, tool, context),
    );
    await publish(partial, directory, executable);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return executable;
}

async function fetchInto(partial: string, tool: Tool, context: ProvisionContext): Promise<void> {
  const fetched = await tool.pinned.fetch(partial, context);
  await chmod(fetched, 0o755);
  const version = await versionOf(tool, fetched, context.env);
  if (version !== tool.pinned.version) {
    throw new CliError(
      `the pinned ${tool.name} ${tool.pinned.version} (${relative(partial, fetched)}) does not run on this system`,
      `set ${tool.variable} to ${tool.name} ${tool.atLeast} or newer`,
    );
  }
  await mkdir(join(partial, "done"));
  await rename(fetched, join(partial, "done", tool.name));
}

async function publish(partial: string, directory: string, executable: string): Promise<void> {
  try {
    await rename(join(partial, "done"), directory);
  } catch (error) {
    // Another process was faster: its directory is as good as ours.
    if (!(await exists(executable))) throw error;
  }
}

async function removeAbandoned(toolsDir: string): Promise<void> {
  for (const entry of await readdir(toolsDir)) {
    if (!entry.startsWith(partialPrefix)) continue;
    const path = join(toolsDir, entry);
    const age = await stat(path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > abandonedMillis) await rm(path, { recursive: true, force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
