import { readFile } from "node:fs/promises";
import { CliError } from "../../scripts/lib/cli.ts";

/** Reads a file that the command line names; a CliError in words instead of system codes when it can't be read. */
export async function readGivenFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new CliError(`${path} can't be read: ${wordsOf(error)}`);
  }
}

const words: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  ENOTDIR: "a part of the path is no directory",
  EISDIR: "it is a directory",
  EACCES: "permission denied",
};

/** What a file system's error says, in words. */
export function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const known = "code" in error ? words[String(error.code)] : undefined;
  // `EMFILE: too many open files, open 'x'`
  return known ?? error.message.replace(/^\w+: ([^,]*),.*$/, "$1");
}

/** What to say of a file, or of stdin, with nothing in it. */
export const emptyConfiguration = "is empty: {} is the configuration with all defaults";
