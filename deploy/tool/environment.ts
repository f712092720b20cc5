import type { ArgsDef } from "citty";
import { UsageError } from "./usage.ts";

/** The variable that stands for an option: `admin-port` is `TICKGATE_ADMIN_PORT`. */
export function variableOf(option: string): string {
  return `TICKGATE_${option.toUpperCase().replaceAll("-", "_")}`;
}

/**
 * The command line with the options that the environment sets in front; what is on the line wins. A UsageError for a
 * switch that is neither 1 or true nor 0, false or empty.
 */
export function withEnvironment(
  definitions: ArgsDef,
  line: readonly string[],
  env: NodeJS.ProcessEnv,
): readonly string[] {
  const written = line.slice(0, line.includes("--") ? line.indexOf("--") : undefined);
  const added = Object.entries(definitions).flatMap(([option, { type }]) => {
    const value = env[variableOf(option)];
    if (type === "positional" || value === undefined || isWritten(option, written)) return [];
    if (type === "boolean") return switchOf(option, value);
    return [`--${option}=${value}`];
  });
  return [...added, ...line];
}

function isWritten(option: string, line: readonly string[]): boolean {
  return line.some(
    (word) => word === `--${option}` || word === `--no-${option}` || word.startsWith(`--${option}=`),
  );
}

function switchOf(option: string, value: string): string[] {
  if (value === "1" || value === "true") return [`--${option}`];
  if (value === "0" || value === "false" || value === "") return [];
  throw new UsageError(`${variableOf(option)}=${value} is not a switch`, "1 or 0");
}
