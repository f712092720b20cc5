import type { ArgsDef } from "citty";
import { UsageError } from "./usage.ts";

const prefix = "TICKGATE_";

/** Variables that are no option: secrets, which a command line would show to everybody. */
const withoutOption = ["TICKGATE_PROMETHEUS_TOKEN"];

/** What Kubernetes puts into every pod beside a Service with the name tickgate. */
const ofService = /^TICKGATE_(SERVICE_|PORT(_|$))/;

/** The variable that stands for an option: `admin-port` is `TICKGATE_ADMIN_PORT`. */
export function variableOf(option: string): string {
  return `${prefix}${option.toUpperCase().replaceAll("-", "_")}`;
}

/** An option that the environment sets, and the words that say so on a command line. */
export interface Setting {
  readonly option: string;
  readonly value: string;
  readonly words: readonly string[];
}

/**
 * The options that the environment sets and the line does not; what is on the line wins. A UsageError for a switch that
 * is neither 1 or true nor 0, false or empty.
 */
export function settingsOf(
  definitions: ArgsDef,
  line: readonly string[],
  env: NodeJS.ProcessEnv,
): readonly Setting[] {
  const written = line.slice(0, line.includes("--") ? line.indexOf("--") : undefined);
  return Object.entries(definitions).flatMap(([option, { type }]) => {
    const value = env[variableOf(option)];
    if (type === "positional" || value === undefined || isWritten(option, written)) return [];
    const words = type === "boolean" ? switchOf(option, value) : [`--${option}=${value}`];
    return [{ option, value, words }];
  });
}

/** A UsageError about an option that the environment has set, in the words of who has set it. */
export function inWordsOfEnvironment(error: UsageError, settings: readonly Setting[]): UsageError {
  const { message } = error;
  const worded = settings.reduce(
    (text, { option, value }) =>
      text.replaceAll(`--${option} ${value}`, () => `${variableOf(option)}=${value}`),
    message,
  );
  return worded === message ? error : new UsageError(worded, error.hint);
}

/** Whether the environment has a variable that may be meant for the tool. */
export function hasVariables(env: NodeJS.ProcessEnv): boolean {
  return Object.keys(env).some((name) => name.startsWith(prefix));
}

/** One line for each TICKGATE_ variable that no option of any command stands behind. */
export function unknownVariables(options: Iterable<string>, env: NodeJS.ProcessEnv): string[] {
  const known = [...new Set([...[...options].map(variableOf), ...withoutOption])];
  const unknown = Object.keys(env).filter(
    (name) => name.startsWith(prefix) && !known.includes(name) && !ofService.test(name),
  );
  return unknown.toSorted().map((name) => {
    const [nearest] = known
      .map((candidate) => ({ candidate, distance: distanceOf(name, candidate) }))
      .toSorted((one, other) => one.distance - other.distance);
    const near = nearest !== undefined && nearest.distance <= 3 ? `: ${nearest.candidate}?` : "";
    return `warning: ${name} is set, and no option is called that${near}`;
  });
}

/** Levenshtein's: how many characters have to be added, left out or changed. */
function distanceOf(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let index = 0; index < one.length; index += 1) {
    const next = [index + 1];
    for (let at = 0; at < other.length; at += 1) {
      const changed = (row[at] ?? 0) + (one[index] === other[at] ? 0 : 1);
      next.push(Math.min(changed, (row[at + 1] ?? 0) + 1, (next[at] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
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
