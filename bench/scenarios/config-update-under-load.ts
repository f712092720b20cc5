// The filter's configuration changes every second while traffic runs: does any request fail?

import { scenario } from "k6/execution";
import { arrivals, options as optionsOf } from "../lib/k6/options.ts";
import { parametersText, target, type Parameters } from "../lib/k6/parameters.ts";
import { send, statusIn } from "../lib/k6/send.ts";
import { platformMix } from "../lib/k6/traffic.ts";

export { handleSummary } from "../lib/k6/summary.ts";

const parameters: Parameters = JSON.parse(parametersText());
const { ratePerSecond, warmUpSeconds, durationSeconds, seed } = parameters;
const base = target(parameters, "filtered");
const request = platformMix(seed);
const served = statusIn(200);

export const options = optionsOf(
  { trade: arrivals({ exec: "trade", ratePerSecond, seconds: warmUpSeconds + durationSeconds }) },
  { "waiting_us{population:during updates}": ["p(99)<200000"] },
);

/** One request of the mix; no quota is near. */
export function trade(): void {
  const n = scenario.iterationInTest;
  const population = n < warmUpSeconds * ratePerSecond ? "warm-up" : "during updates";
  send(base, request(n), { population, fault: served });
}
