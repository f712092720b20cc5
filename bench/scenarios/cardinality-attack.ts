// Random symbols, strategies, venues and users, each seen once: do series, memory and everyone else's latency stay bounded?

import { instance, scenario } from "k6/execution";
import { arrivals, options as optionsOf } from "../lib/k6/options.ts";
import { parametersText, target } from "../lib/k6/parameters.ts";
import { order } from "../lib/k6/orders.ts";
import { send, statusIn } from "../lib/k6/send.ts";
import { windowAt, windowedArrivals, type WindowedParameters } from "../lib/k6/windows.ts";
import { SeededRandom } from "../../scripts/sample/random.ts";

export { handleSummary } from "../lib/k6/summary.ts";

/** What the driver tells. */
export interface CardinalityParameters extends WindowedParameters {
  readonly attackPerSecond: number;
}

const parameters: CardinalityParameters = JSON.parse(parametersText());
const { ratePerSecond, warmUpSeconds, durationSeconds, attackPerSecond, seed } = parameters;
const base = target(parameters, "filtered");
const served = statusIn(200);

export const options = optionsOf(
  {
    honest: arrivals({ exec: "trade", ratePerSecond, seconds: warmUpSeconds + durationSeconds }),
    attack: windowedArrivals(parameters, "attack", (on) => (on ? attackPerSecond : 0)),
  },
  { "waiting_us{population:honest under attack}": ["p(99)<100000"] },
);

/** One order of somebody honest. */
export function trade(): void {
  const { round, on } = windowAt(parameters, instance.currentTestRunDuration / 1000);
  const measured = on ? "honest under attack" : "honest in peace";
  const n = scenario.iterationInTest;
  const population = round < 0 ? "warm-up" : measured;
  send(base, order(`trader-${n % 50}`, n), { population, round, fault: served });
}

/** One order of the attacker: nothing in it has been seen before. */
export function attack(): void {
  const n = scenario.iterationInTest;
  const random = new SeededRandom(seed * 1_000_003 + n);
  const junk = (): string => `${n}-${random.below(1e9).toString(36)}`;
  const request = order(`visitor-${junk()}`, n);
  const headers = {
    ...request.headers,
    "x-trading-symbol": `X${junk()}`,
    "x-order-type": `t${junk()}`,
    "x-strategy-id": `s${junk()}`,
    "x-execution-venue": `v${junk()}`,
  };
  send(base, { ...request, headers }, { population: "attack", fault: served });
}
