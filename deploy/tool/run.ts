import { parseArgs, stripVTControlCharacters } from "node:util";
import {
  renderUsage,
  runCommand,
  type ArgsDef,
  type CommandDef,
  type CommandMeta,
  type Resolvable,
} from "citty";
import { CliError, describeError } from "../../scripts/lib/cli.ts";
import { withEnvironment } from "./environment.ts";
import { UsageError } from "./usage.ts";

/** What `--help` tells of a command: one line in lists, and what `details` adds on the command's own page. */
export interface ToolMeta extends CommandMeta {
  readonly details?: string;
}

/** A `meta` with details: `defineCommand({ meta: describeCommand({ ... }), ... })`. */
export function describeCommand(meta: ToolMeta): ToolMeta {
  return meta;
}

/** Name of the positional argument that takes all words that are left; a command reads them from `args._`. */
const variadicArgument = "files";

interface Found {
  readonly command: CommandDef;
  /** From the tool to the command: `["tickgate", "config", "check"]`. */
  readonly words: readonly string[];
  /** The command line behind these words. */
  readonly rest: readonly string[];
}

/**
 * Runs the command that the line names and returns its exit code: what its `run` returns, else 0; 2 for a line that no
 * command understands, an unknown option included. `--help` after any command describes it, `--version` the tool.
 */
export async function runTool(
  tool: CommandDef,
  version: string,
  rawArgs: readonly string[],
): Promise<number> {
  try {
    return await runFound(await find(tool, rawArgs), version);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(describeError(error));
    return 2;
  }
}

async function runFound(found: Found, version: string): Promise<number> {
  const { command, rest, words } = found;
  const options = new Set(rest.slice(0, rest.includes("--") ? rest.indexOf("--") : undefined));
  if (options.has("--help") || options.has("-h")) {
    process.stdout.write(await helpOf(found));
    return 0;
  }
  if (words.length === 1 && options.has("--version")) {
    process.stdout.write(`${version}\n`);
    return 0;
  }
  if (command.run === undefined) return refuseGroup(found);
  const line = withEnvironment(await resolved<ArgsDef>(command.args ?? {}), rest, process.env);
  await checkArguments({ ...found, rest: line });
  const { result } = await runCommand(command, { rawArgs: [...line] });
  return typeof result === "number" ? result : 0;
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
  process.stderr.write(await helpOf(found));
  return 2;
}

/** Refuses what citty would pass over in silence: unknown options, options without their value, words too many. */
async function checkArguments({ command, words, rest }: Found): Promise<void> {
  const definitions = Object.entries(await resolved<ArgsDef>(command.args ?? {}));
  const options = definitions.filter(([, { type }]) => type !== "positional");
  const positionals = definitions.filter(([, { type }]) => type === "positional");
  const types = options.map(
    ([name, { type }]) => [name, { type: type === "boolean" ? "boolean" : "string" } as const] as const,
  );
  const hint = `${words.join(" ")} --help`;
  const given = parse(rest, Object.fromEntries(types), hint);
  const missing = positionals.slice(given.length).find(([, { required }]) => required !== false);
  if (missing !== undefined)
    throw new UsageError(`${words.join(" ")}: ${missing[0].toUpperCase()} is missing`, hint);
  const extra = given[positionals.length];
  if (extra === undefined || positionals.at(-1)?.[0] === variadicArgument) return;
  throw new UsageError(`${words.join(" ")} does not know what to do with "${extra}"`, hint);
}

function parse(
  args: readonly string[],
  options: Readonly<Record<string, { type: "boolean" | "string" }>>,
  hint: string,
): readonly string[] {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, allowNegative: true }).positionals;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const [message = ""] = describeError(error).split("\n");
    throw new UsageError(message.replace(/^error: /, ""), hint);
  }
}

async function helpOf({ command, words }: Found): Promise<string> {
  const meta: ToolMeta = await resolved<CommandMeta>(command.meta ?? {});
  const usage = await renderUsage({ ...command, meta: { ...meta, name: words.join(" ") } });
  const text = process.stdout.isTTY ? usage : stripVTControlCharacters(usage);
  const parts = [text, meta.details ?? "", command.args === undefined ? "" : fromEnvironment];
  return parts.flatMap((part) => (part === "" ? [] : [`${part.trimEnd()}\n`])).join("\n");
}

const fromEnvironment =
  "Every option may also come from the environment: TICKGATE_ADMIN_PORT=15000 is --admin-port 15000; a switch is 1 or 0.";

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
