import { runCommand, type ArgsDef, type CommandDef, type CommandMeta, type Resolvable } from "citty";
import { CliError, describeError, progress } from "../../scripts/lib/cli.ts";
import { hasVariables, inWordsOfEnvironment, settingsOf, unknownVariables } from "./environment.ts";
import { helpOf } from "./help.ts";
import { checkLine } from "./line.ts";
import { asksForJson, emitFailure } from "./output.ts";
import { UsageError } from "./usage.ts";

/** What `--help` tells of a command: one line in lists, and what `details` adds on the command's own page. */
export interface ToolMeta extends CommandMeta {
  readonly details?: string;
}

/** A `meta` with details: `defineCommand({ meta: describeCommand({ ... }), ... })`. */
export function describeCommand(meta: ToolMeta): ToolMeta {
  return meta;
}

interface Found {
  readonly command: CommandDef;
  /** From the tool to the command: `["tickgate", "config", "check"]`. */
  readonly words: readonly string[];
  /** The command line behind these words. */
  readonly rest: readonly string[];
}

/**
 * Runs the command that the line names and returns its exit code: what its `run` returns, else 0; 2 for a line that no
 * command understands, an unknown option included. `--help` after any command describes it, `--version` the tool. Where
 * the line asks for JSON, an error is a document on stdout too.
 */
export async function runTool(
  tool: CommandDef,
  version: string,
  rawArgs: readonly string[],
): Promise<number> {
  try {
    return await runFound(await find(tool, rawArgs), tool, version);
  } catch (error) {
    if (asksForJson(rawArgs, process.env)) emitFailure(error);
    if (!(error instanceof UsageError)) throw error;
    console.error(describeError(error));
    return 2;
  }
}

async function runFound(found: Found, tool: CommandDef, version: string): Promise<number> {
  const { command, rest, words } = found;
  const options = new Set(rest.slice(0, rest.includes("--") ? rest.indexOf("--") : undefined));
  if (options.has("--help") || options.has("-h")) {
    process.stdout.write(await help(found));
    return 0;
  }
  if (words.length === 1 && options.has("--version")) {
    process.stdout.write(`${version}\n`);
    return 0;
  }
  if (command.run === undefined) return refuseGroup(found);
  const definitions = await resolved<ArgsDef>(command.args ?? {});
  const { env } = process;
  // Knowing all options takes loading all commands.
  const warnings = hasVariables(env) ? unknownVariables(await optionsBelow(tool), env) : [];
  for (const warning of warnings) progress(warning);
  const settings = settingsOf(definitions, rest, env);
  const line = [...settings.flatMap((setting) => setting.words), ...rest];
  try {
    checkLine(definitions, words, line);
    const { result } = await runCommand(command, { rawArgs: line });
    return typeof result === "number" ? result : 0;
  } catch (error) {
    throw error instanceof UsageError ? inWordsOfEnvironment(error, settings) : error;
  }
}

async function find(tool: CommandDef, rawArgs: readonly string[]): Promise<Found> {
  let found: Found = { command: tool, words: ["tickgate"], rest: rawArgs };
  for (;;) {
    const [name = "", ...rest] = found.rest;
    const subCommands = await resolved(found.command.subCommands ?? {});
    const next = Object.hasOwn(subCommands, name) ? subCommands[name] : undefined;
    if (next === undefined) return found;
    found = { command: await resolved(next), words: [...found.words, name], rest };
  }
}

async function refuseGroup(found: Found): Promise<number> {
  const [name] = found.rest;
  const names = Object.keys(await resolved(found.command.subCommands ?? {})).join(", ");
  const line = found.words.join(" ");
  if (name !== undefined) throw new UsageError(`${line}: there is no command ${name}`, `commands: ${names}`);
  process.stderr.write(await help(found));
  return 2;
}

/** All options of the tool's commands. */
async function optionsBelow(command: CommandDef): Promise<string[]> {
  const own = Object.entries(await resolved<ArgsDef>(command.args ?? {}));
  const below = Object.values(await resolved(command.subCommands ?? {})).map(async (sub) =>
    optionsBelow(await resolved(sub)),
  );
  return [
    ...own.flatMap(([name, { type }]) => (type === "positional" ? [] : [name])),
    ...(await Promise.all(below)).flat(),
  ];
}

async function help({ command, words }: Found): Promise<string> {
  const meta: ToolMeta = await resolved<CommandMeta>(command.meta ?? {});
  return helpOf({ command, words, meta, args: await resolved<ArgsDef>(command.args ?? {}) });
}

async function resolved<T extends object>(value: Resolvable<T>): Promise<T> {
  return isProducer(value) ? value() : value;
}

function isProducer<T extends object>(value: Resolvable<T>): value is (() => T) | (() => Promise<T>) {
  return typeof value === "function";
}

/** What a command does with an option that has a wrong value: exit code 2, the help page as the hint. */
export function refuseOption(option: string, value: string, allowed: string): CliError {
  return new UsageError(`--${option} ${value} is not ${allowed}`);
}
