import { performance } from "node:perf_hooks";
import { CliError, progress } from "../../../scripts/lib/cli.ts";
import { sleep } from "../../../scripts/lib/process.ts";

/** What an attempt came to: a value, or the reason to try again. */
export type Attempt<T> = { readonly value: T } | { readonly again: string; readonly afterMillis?: number };

/** Bounds of one outage: no answer for `budgetMillis` in a row is an error. */
export interface Patience {
  readonly what: string;
  readonly budgetMillis: number;
  /** First pause; it doubles up to 2 s. */
  readonly pauseMillis?: number;
  /** Those who wait for the same: the first one says so, the last one says that it is over. */
  readonly waiting?: Set<object>;
  /** What to do once the budget is spent. */
  readonly hint?: () => string;
}

const longestPauseMillis = 2000;

/** Repeats an attempt until it yields a value, and says on stderr that it does; a CliError when the budget is spent. */
export async function retry<T>(patience: Patience, attempt: () => Promise<Attempt<T>>): Promise<T> {
  const waiting = patience.waiting ?? new Set<object>();
  try {
    return await repeat({ ...patience, waiting }, attempt);
  } finally {
    waiting.delete(attempt);
  }
}

async function repeat<T>(
  { what, budgetMillis, pauseMillis = 100, hint, waiting }: Patience & { readonly waiting: Set<object> },
  attempt: () => Promise<Attempt<T>>,
): Promise<T> {
  let pause = pauseMillis;
  let since: number | undefined;
  for (;;) {
    const start = performance.now();
    const result = await attempt();
    const now = performance.now();
    if ("value" in result) {
      waiting.delete(attempt);
      if (since !== undefined && waiting.size === 0)
        progress(`${what} answers again after ${((now - since) / 1000).toFixed(1)} s`);
      return result.value;
    }
    if (since === undefined) {
      since = start;
      if (waiting.size === 0)
        progress(
          `${what} does not answer (${result.again}); trying again for up to ${budgetMillis / 1000} s ...`,
        );
      waiting.add(attempt);
    }
    const leftMillis = since + budgetMillis - now;
    if (leftMillis <= 0) {
      throw new CliError(`${what} did not answer within ${budgetMillis / 1000} s: ${result.again}`, hint?.());
    }
    // The last attempt is at the end of the budget, not behind it.
    await sleep(Math.min(result.afterMillis ?? pause, leftMillis));
    pause = Math.min(pause * 2, longestPauseMillis);
  }
}
