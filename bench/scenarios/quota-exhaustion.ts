// One user asks for many times what he may have. Do the others notice?

import { instance, scenario } from "k6/execution";
import { arrivals, options as optionsOf } from "../lib/k6/options.ts";
import { parametersText, target } from "../lib/k6/parameters.ts";
import { send, statusIn, type Answer } from "../lib/k6/send.ts";
import { order } from "../lib/k6/orders.ts";
import { windowAt, windowedArrivals, type WindowedParameters } from "../lib/k6/windows.ts";

export { handleSummary } from "../lib/k6/summary.ts";

/** What the driver tells. */
export interface QuotaExhaustionParameters extends WindowedParameters {
  /** Users that keep within their quota. */
  readonly others: number;
  readonly greedyPerSecond: number;
}

const parameters: QuotaExhaustionParameters = JSON.parse(parametersText());
const { ratePerSecond, warmUpSeconds, durationSeconds, others, greedyPerSecond } = parameters;
const base = target(parameters, "filtered");

export const options = optionsOf(
  {
    others: arrivals({ exec: "trade", ratePerSecond, seconds: warmUpSeconds + durationSeconds }),
    greedy: windowedArrivals(parameters, "hoard", (on) => (on ? greedyPerSecond : 0)),
  },
  { "waiting_us{population:others with him}": ["p(99)<100000"] },
);

const served = statusIn(200);

/** One order of somebody who keeps within his quota. */
export function trade(): void {
  const { round, on } = windowAt(parameters, instance.currentTestRunDuration / 1000);
  const quiet = on ? "others with him" : "others without him";
  const population = round < 0 ? "warm-up" : quiet;
  const n = scenario.iterationInTest;
  send(base, order(`trader-${n % others}`, n), { population, round, fault: served });
}

/** One order of the greedy one. */
export function hoard(): void {
  const n = scenario.iterationInTest;
  send(base, order("greedy", n), { population: "the greedy one", fault: servedOrRefused });
}

function servedOrRefused({ status, headers }: Answer): string {
  if (status === 200) return "";
  if (status !== 429) return `status ${status}`;
  return headers["Retry-After"] === undefined ? "a 429 without retry-after" : "";
}
