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
}

const longestPauseMillis = 2000;

/** Repeats an attempt until it yields a value, and says on stderr that it does; a CliError when the budget is spent. */
export async function retry<T>(
  { what, budgetMillis, pauseMillis = 100 }: Patience,
  attempt: () => Promise<Attempt<T>>,
): Promise<T> {
  let pause = pauseMillis;
  let since: number | undefined;
  for (;;) {
    const result = await attempt();
    const now = performance.now();
    if ("value" in result) {
      if (since !== undefined) progress(`${what} answers again after ${((now - since) / 1000).toFixed(1)} s`);
      return result.value;
    }
    if (since === undefined) {
      progress(
        `${what} does not answer (${result.again}); trying again for up to ${budgetMillis / 1000} s ...`,
      );
      since = now;
    }
    if (now - since >= budgetMillis) {
      throw new CliError(
        `${what} did not answer within ${budgetMillis / 1000} s: ${result.again}`,
        "what was asked for last may or may not have happened: tickgate status tells, and every command may be repeated",
      );
    }
    await sleep(Math.min(result.afterMillis ?? pause, budgetMillis));
    pause = Math.min(pause * 2, longestPauseMillis);
  }
}
