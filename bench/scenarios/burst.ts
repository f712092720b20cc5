// Ten times the traffic, all of a sudden and within everyone's allowance: does it pass whole, and as fast as without the filter?

import { instance, scenario } from "k6/execution";
import { arrivals, options as optionsOf } from "../lib/k6/options.ts";
import { parametersText, target } from "../lib/k6/parameters.ts";
import { order } from "../lib/k6/orders.ts";
import { send, statusIn } from "../lib/k6/send.ts";
import { windowAt, windowedArrivals, type WindowedParameters } from "../lib/k6/windows.ts";

export { handleSummary } from "../lib/k6/summary.ts";

/** What the driver tells. */
export interface BurstParameters extends WindowedParameters {
  readonly burstPerSecond: number;
  readonly users: number;
}

const parameters: BurstParameters = JSON.parse(parametersText());
const { ratePerSecond, burstPerSecond, warmUpSeconds, users } = parameters;
const listeners = { filtered: target(parameters, "filtered"), bare: target(parameters, "bare") };

export const options = optionsOf(
  {
    warm: arrivals({ exec: "trade", ratePerSecond, seconds: warmUpSeconds }),
    bursts: windowedArrivals(parameters, "trade", (_, half) => (half === 0 ? ratePerSecond : burstPerSecond)),
  },
  { "waiting_us{population:burst filtered}": ["p(99)<200000"] },
);

const served = statusIn(200);

/** One order, through the listener whose turn it is. */
export function trade(): void {
  const { round, on, elapsed } = windowAt(parameters, instance.currentTestRunDuration / 1000);
  const n = scenario.iterationInTest;
  const arm = (round < 0 ? n % 2 === 0 : on) ? "filtered" : "bare";
  const measured = `${elapsed < 0.5 ? "calm" : "burst"} ${arm}`;
  // Another population of the warm-up, so that the filter's own count can be held against what was sent through it.
  const population = round < 0 ? `warm-up ${arm}` : measured;
  send(listeners[arm], order(`trader-${n % users}`, n), { population, round, fault: served });
}
