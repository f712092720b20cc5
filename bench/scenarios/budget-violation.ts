// An upstream that is sometimes too slow: is each slow answer flagged, and no other?

import { scenario } from "k6/execution";
import { arrivals, options as optionsOf } from "../lib/k6/options.ts";
import { parametersText, target, type Parameters } from "../lib/k6/parameters.ts";
import { order } from "../lib/k6/orders.ts";
import { send, type Answer } from "../lib/k6/send.ts";

export { handleSummary } from "../lib/k6/summary.ts";

/** What the driver tells. */
export interface BudgetParameters extends Parameters {
  readonly limitMillis: number;
  /** What the upstream is told to wait when it is to be too slow. */
  readonly slowMillis: number;
  /** Every so many-th request is. */
  readonly every: number;
}

const parameters: BudgetParameters = JSON.parse(parametersText());
const { ratePerSecond, warmUpSeconds, durationSeconds, limitMillis, slowMillis, every } = parameters;
const base = target(parameters, "filtered");

export const options = optionsOf({
  orders: arrivals({ exec: "trade", ratePerSecond, seconds: warmUpSeconds + durationSeconds }),
});

/** One order that the upstream answers at once or too late. */
export function trade(): void {
  const n = scenario.iterationInTest;
  const slow = n % every === every - 1;
  const request = order(`trader-${n % 20}`, n);
  const headers = {
    ...request.headers,
    "x-request-id": `n${n}`,
    "x-wait-ms": slow ? String(slowMillis) : "0",
  };
  const measured = slow ? "slow upstream" : "fast upstream";
  const population = n < warmUpSeconds * ratePerSecond ? "warm-up" : measured;
  const fault = (answer: Answer): string => faultOf(answer, slow);
  send(base, { ...request, headers }, { population, fault });
}

/** Held against two clocks that are not the filter's: what the upstream waited at least, what the client saw at most. */
function faultOf({ status, headers, timings }: Answer, slow: boolean): string {
  if (status !== 200) return `status ${status}`;
  const announced = headers["X-Latency-Budget"];
  if (announced === undefined) return "no x-latency-budget";
  const flagged = announced.includes(";over=");
  if (slow && !flagged) return "too slow and not flagged";
  return flagged && timings.duration < limitMillis ? "flagged and fast enough by the client's clock" : "";
}
