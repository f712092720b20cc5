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

/** Writes a command's result to stdout, once, at its end. */
export function emit<T>(format: OutputFormat, result: T, asText: (result: T) => string): void {
  process.stdout.write(`${format === "json" ? JSON.stringify(result, undefined, 2) : asText(result)}\n`);
}
