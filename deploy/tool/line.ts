import { parseArgs } from "node:util";
import type { ArgsDef } from "citty";
import { describeError } from "../../scripts/lib/cli.ts";
import { UsageError } from "./usage.ts";

/** Name of the positional argument that takes all words that are left; a command reads them from `args._`. */
const variadicArgument = "files";

/** Refuses what citty would pass over in silence: unknown options, options without their value, words too many. */
export function checkLine(definitions: ArgsDef, words: readonly string[], line: readonly string[]): void {
  const all = Object.entries(definitions);
  const options = all.filter(([, { type }]) => type !== "positional");
  const positionals = all.filter(([, { type }]) => type === "positional");
  const types = options.map(
    ([name, { type }]) => [name, { type: type === "boolean" ? "boolean" : "string" } as const] as const,
  );
  const hint = `${words.join(" ")} --help`;
  const given = parse(line, Object.fromEntries(types), hint);
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
    throw valueMissing(error, args, hint) ?? asUsage(error, hint);
  }
}

/** Node's words for an option without a value speak of ambiguity; what follows it is what the person must look at. */
function valueMissing(error: TypeError, args: readonly string[], hint: string): UsageError | undefined {
  const [, option] =
    /^Option '(--[\w-]+)(?: <value>)?' argument (?:is ambiguous|missing)/.exec(error.message) ?? [];
  if (option === undefined) return undefined;
  const next = args[args.lastIndexOf(option) + 1];
  if (next === undefined) return new UsageError(`${option} needs a value`, hint);
  return new UsageError(
    `${option} needs a value, and ${next} looks like an option`,
    `${option}=${next} if it is one`,
  );
}

function asUsage(error: TypeError, hint: string): UsageError {
  const [message = ""] = describeError(error).split("\n");
  return new UsageError(message.replace(/^error: /, ""), hint);
}
