/** The innermost message of an error: what the network said, not "fetch failed". */
export function causeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return causeOf(error.errors[0]);
  if (error instanceof Error && error.cause instanceof Error) return causeOf(error.cause);
  if (error instanceof Error) return error.message === "" ? error.name : error.message;
  if (typeof error === "object" && error !== null && "message" in error) return String(error.message);
  return String(error);
}

/** The same for work that is given up after `timeoutMillis`: says so when that is the cause. */
export function causeWithin(timeoutMillis: number, error: unknown): string {
  return isLate(error) ? `no answer within ${timeoutMillis / 1000} s` : causeOf(error);
}

/** Whether an error is that of a signal with a timeout. */
export function isLate(error: unknown): boolean {
  return error instanceof Error && (error.name === "TimeoutError" || error.name === "AbortError");
}

/** What a signal was aborted with, as an Error. */
export function reasonOf(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new Error(String(reason));
}
