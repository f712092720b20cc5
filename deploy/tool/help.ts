import { stripVTControlCharacters } from "node:util";
import { renderUsage, type ArgDef, type ArgsDef, type CommandDef } from "citty";
import type { ToolMeta } from "./run.ts";

/** A command with its parts at hand, and the words that lead to it: `["tickgate", "config", "check"]`. */
export interface Described {
  readonly command: CommandDef;
  readonly words: readonly string[];
  readonly meta: ToolMeta;
  readonly args: ArgsDef;
}

const fromEnvironment =
  "Every option may also come from the environment: TICKGATE_ADMIN_PORT=15000 is --admin-port 15000; a switch is 1 or 0.";
const exitCodes = "Exit code 0: done, 1: failed, 2: the command line is wrong.";

/** What `--help` prints. */
export async function helpOf({ command, words, meta, args }: Described): Promise<string> {
  const shown = Object.fromEntries(
    Object.entries(args).map(([name, one]) => [name, withPlaceholder(name, one)]),
  );
  const usage = await renderUsage({ ...command, args: shown, meta: { ...meta, name: words.join(" ") } });
  const text = process.stdout.isTTY ? usage : stripVTControlCharacters(usage);
  const details = meta.details ?? "";
  const parts = [
    text.replaceAll(/ +$/gm, ""),
    details,
    command.run === undefined || details.includes("Exit code 0") ? "" : exitCodes,
    command.args === undefined ? "" : fromEnvironment,
  ];
  return parts.flatMap((part) => (part === "" ? [] : [`${part.trimEnd()}\n`])).join("\n");
}

/** Options are `--max-window=<WINDOW>` where they do not say better, and a default of nothing is none. */
function withPlaceholder(name: string, definition: ArgDef): ArgDef {
  if (definition.type !== "string") return definition;
  const { default: given, ...rest } = definition;
  const valueHint = rest.valueHint ?? (name.split("-").at(-1) ?? name).toUpperCase();
  return { ...rest, valueHint, ...(given === undefined || given === "" ? {} : { default: given }) };
}
