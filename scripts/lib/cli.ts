import { performance } from "node:perf_hooks";

/** An error meant for the person at the terminal: what went wrong, and what to do about it. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** What `runCommand` prints for an error: one line for a CliError (two with a hint), the stack for a bug. */
export function describeError(error: unknown): string {
  if (error instanceof CliError) {
    return error.hint === undefined
      ? `error: ${error.message}`
      : `error: ${error.message}\n  hint: ${error.hint}`;
  }
  // parseArgs reports a wrong flag as a TypeError with one of these codes.
  if (error instanceof Error && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS_")) {
    return `error: ${firstSentence(error.message)}\n  hint: --help lists the options`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Runs a command to its end. The only place that prints errors and sets the exit code: what `main` returns, or 1. */
export async function runCommand(main: () => Promise<number | void>): Promise<void> {
  // A reader that went away (`npm start | head`) ends the program, it is not a failure to report.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    console.error(describeError(error));
    process.exitCode = 1;
  }
}

/** Writes one line of progress to stderr, so that stdout holds results only. */
export function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

const firstNoticeMillis = 1000;
const nextNoticeMillis = 10_000;

/** Runs `work`; once it takes longer than a second says so, repeats every ten, and says when it is done. */
export async function withProgress<T>(label: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  let shown = false;
  const notice = (): void => {
    progress(shown ? `${label} ... ${seconds(performance.now() - start)}` : `${label} ...`);
    shown = true;
    timer = setTimeout(notice, nextNoticeMillis);
  };
  let timer = setTimeout(notice, firstNoticeMillis);
  try {
    const result = await work();
    if (shown) progress(`${label}: done in ${seconds(performance.now() - start)}`);
    return result;
  } finally {
    clearTimeout(timer);
  }
}

function seconds(millis: number): string {
  return `${(millis / 1000).toFixed(1)} s`;
}

function firstSentence(text: string): string {
  const end = text.indexOf(". ");
  return end === -1 ? text : text.slice(0, end);
}
