import { spawn, type ChildProcess } from "node:child_process";
import { constants } from "node:os";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { CliError } from "./cli.ts";

/** How a child ended: an exit code, or the signal that ended it. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What to start, and under which name messages speak of it. */
export interface ChildOptions {
  readonly name: string;
  readonly command: string;
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Gives the child an IPC channel, by which it notices that we are gone. */
  readonly ipc?: boolean;
  /** What it reads on stdin; without it, nothing. */
  readonly input?: string;
  /** Called for every line of its stdout and stderr. */
  readonly onLine?: (line: string, stream: "stdout" | "stderr") => void;
}

const keptLines = 20_000;
const live = new Set<Child>();
let interruption: AbortController | undefined;
let hooked = false;
const repeatMillis = 500;
let lastSignalMillis = -repeatMillis;

/** A running child process, in a process group of its own so that Ctrl-C reaches it through us only. */
export class Child {
  readonly name: string;
  readonly pid: number;
  /** Resolves when the process has ended and its output has been read; never rejects. */
  readonly exited: Promise<Exit>;
  private readonly kept: string[] = [];
  private ended: Exit | undefined;

  constructor(name: string, pid: number, process: ChildProcess, onLine: ChildOptions["onLine"]) {
    this.name = name;
    this.pid = pid;
    const streams = [
      this.read(process.stdout, "stdout", onLine),
      this.read(process.stderr, "stderr", onLine),
    ];
    this.exited = new Promise<Exit>((resolve) => {
      process.once("exit", (code, signal) => {
        this.ended = { code, signal };
        live.delete(this);
        void Promise.all(streams).then(() => resolve({ code, signal }));
      });
    });
    live.add(this);
  }

  /** How it ended, or undefined while it runs. */
  get exit(): Exit | undefined {
    return this.ended;
  }

  /** Its last output lines, oldest first, both streams as they came. */
  lines(): readonly string[] {
    return this.kept;
  }

  /** Sends a signal to the whole group; a group that is gone is not an error. */
  signal(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.pid, signal);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
    }
  }

  /** SIGTERM, then SIGKILL after `graceMillis`; resolves when it has ended. May be called again. */
  async stop(graceMillis = 5000): Promise<Exit> {
    if (this.ended !== undefined) return this.exited;
    this.signal("SIGTERM");
    const timer = setTimeout(() => this.signal("SIGKILL"), graceMillis);
    try {
      return await this.exited;
    } finally {
      clearTimeout(timer);
    }
  }

  private read(
    stream: Readable | null,
    name: "stdout" | "stderr",
    onLine: ChildOptions["onLine"],
  ): Promise<void> {
    if (stream === null) return Promise.resolve();
    return new Promise((resolve) => {
      const lines = createInterface({ input: stream });
      lines.on("line", (line) => {
        this.kept.push(line);
        if (this.kept.length > 2 * keptLines) this.kept.splice(0, keptLines);
        onLine?.(line, name);
      });
      lines.once("close", resolve);
    });
  }
}

/** Starts a child that ends with us at the latest. Throws a CliError when it cannot be started at all. */
export async function startChild(options: ChildOptions): Promise<Child> {
  hookExit();
  const stdin = options.input === undefined ? "ignore" : "pipe";
  const started = spawn(options.command, [...(options.args ?? [])], {
    cwd: options.cwd,
    env: options.env,
    detached: true,
    stdio: options.ipc ? [stdin, "pipe", "pipe", "ipc"] : [stdin, "pipe", "pipe"],
  });
  // A child that ends without reading is told by its exit code.
  started.stdin?.on("error", () => {});
  started.stdin?.end(options.input);
  return new Promise((resolve, reject) => {
    started.once("error", (error) => reject(new CliError(`cannot start ${options.name}: ${error.message}`)));
    if (started.pid !== undefined) resolve(new Child(options.name, started.pid, started, options.onLine));
  });
}

/** Result of `runToEnd`. */
export interface Finished extends Exit {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end and returns its output, whatever its exit code; a CliError after `timeoutMillis`. */
export async function runToEnd(
  options: ChildOptions & { readonly timeoutMillis: number },
): Promise<Finished> {
  const output = { stdout: "", stderr: "" };
  const child = await startChild({
    ...options,
    onLine: (line, stream) => {
      output[stream] += `${line}\n`;
      options.onLine?.(line, stream);
    },
  });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    void child.stop(1000);
  }, options.timeoutMillis);
  const exit = await child.exited;
  clearTimeout(timer);
  if (late) throw new CliError(`${options.name} did not finish within ${options.timeoutMillis / 1000} s`);
  return { ...exit, ...output };
}

/** Bounds of `waitFor`; with `child`, its end ends the wait at once. */
export interface WaitOptions {
  readonly timeoutMillis?: number;
  readonly intervalMillis?: number;
  readonly child?: Child;
}

/** Polls `probe` until it yields something; a CliError that names `what` after the timeout or when `child` ended. */
export async function waitFor<T>(
  what: string,
  probe: () => Promise<T | undefined> | T | undefined,
  { timeoutMillis = 10_000, intervalMillis = 20, child }: WaitOptions = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMillis;
  for (;;) {
    const result = await probe();
    if (result !== undefined) return result;
    if (child?.exit !== undefined) {
      const { code, signal } = await child.exited;
      const last = child.lines().slice(-5).join("\n");
      throw new CliError(
        `${child.name} ended (${signal ?? `code ${code}`}) before ${what}${last && `:\n${last}`}`,
      );
    }
    if (performance.now() > deadline)
      throw new CliError(`timed out after ${timeoutMillis / 1000} s: ${what}`);
    await sleep(intervalMillis);
  }
}

/** Resolves after `millis`, or as soon as `signal` is aborted. */
export function sleep(millis: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setTimeout(finish, millis);
    signal?.addEventListener("abort", finish);
  });
}

/** From now on Ctrl-C (or SIGTERM, SIGHUP) aborts this signal instead of ending the program; a second one ends it. */
export function takeOverInterrupt(): AbortSignal {
  hookExit();
  interruption ??= new AbortController();
  return interruption.signal;
}

function hookExit(): void {
  if (hooked) return;
  hooked = true;
  process.on("exit", () => {
    for (const child of live) child.signal("SIGKILL");
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
}

function onSignal(signal: "SIGINT" | "SIGTERM" | "SIGHUP"): void {
  // One Ctrl-C under npm comes twice: from the terminal, and passed on by npm.
  if (performance.now() - lastSignalMillis < repeatMillis) return;
  lastSignalMillis = performance.now();
  if (interruption !== undefined && !interruption.signal.aborted) {
    interruption.abort();
    return;
  }
  void Promise.all([...live].map((child) => child.stop(2000))).finally(() =>
    process.exit(128 + constants.signals[signal]),
  );
}
