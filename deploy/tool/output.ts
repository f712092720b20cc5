import { CliError } from "../../scripts/lib/cli.ts";
import { variableOf } from "./environment.ts";
import { UsageError } from "./usage.ts";

/** The argument every command takes. */
export const outputArgument = {
  output: { type: "string", description: "text or json", default: "text", valueHint: "text|json" },
} as const;

/** How results are written: for a person, or one JSON document for a program. Progress always goes to stderr. */
export type OutputFormat = "text" | "json";

/** Reads `--output`; a UsageError for anything but `text` and `json`. */
export function outputFormat(value: string): OutputFormat {
  if (value === "text" || value === "json") return value;
  throw new UsageError(`--output ${value} is not known`, "text or json");
}

let emitted = false;

/** Writes a command's result to stdout, once, at its end. */
export function emit<T>(format: OutputFormat, result: T, asText: (result: T) => string): void {
  emitted = true;
  process.stdout.write(`${format === "json" ? JSON.stringify(result, undefined, 2) : asText(result)}\n`);
}

/** Whether a command line, or else the environment, asks for JSON. */
export function asksForJson(line: readonly string[], env: NodeJS.ProcessEnv): boolean {
  const options = line.slice(0, line.includes("--") ? line.indexOf("--") : undefined);
  const values = options.flatMap((word, index) => {
    if (word === "--output") return [options[index + 1]];
    return word.startsWith("--output=") ? [word.slice("--output=".length)] : [];
  });
  return (values.length > 0 ? values.at(-1) : env[variableOf("output")]) === "json";
}

/** Writes what an error says as the one document of a command: `{ ok: false, error, hint }`. Not behind a result. */
export function emitFailure(error: unknown): void {
  if (emitted) return;
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof CliError ? error.hint : undefined;
  emit("json", { ok: false, error: message, hint }, () => "");
}
