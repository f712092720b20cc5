// Ten thousand connections are open, each with a request now and then: what does somebody among them feel?
//
// k6 gives every virtual user a JavaScript engine, so it only measures: the crowd is a program of its own
// (bench/lib/crowd-main.ts). The measuring starts anew on few connections.

import { scenario } from "k6/execution";
import { arrivals, options as optionsOf } from "../lib/k6/options.ts";
import { order } from "../lib/k6/orders.ts";
import { parametersText, target, type Parameters } from "../lib/k6/parameters.ts";
import { send, statusIn } from "../lib/k6/send.ts";

export { handleSummary } from "../lib/k6/summary.ts";

const parameters: Parameters = JSON.parse(parametersText());
const { ratePerSecond, warmUpSeconds, durationSeconds } = parameters;
const base = target(parameters, "filtered");
const served = statusIn(200);

export const options = optionsOf(
  { trade: arrivals({ exec: "trade", ratePerSecond, seconds: warmUpSeconds + durationSeconds }) },
  { "waiting_us{population:measured}": ["p(99)<100000"] },
);

/** One order. */
export function trade(): void {
  const n = scenario.iterationInTest;
  const population = n < warmUpSeconds * ratePerSecond ? "warm-up" : "measured";
  send(base, order(`trader-${n % 50}`, n), { population, fault: served });
}
