// Hours of the platform's mix, with users and symbols that come once and never again: does Envoy's memory stay level?

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
const servedOrRefused = statusIn(200, 429);
const newUserEvery = 10;
const newSymbolEvery = 50;

export const options = optionsOf(
  {
    trade: arrivals({
      exec: "trade",
      ratePerSecond,
      seconds: warmUpSeconds + durationSeconds,
      // In hours a machine stops for half a second now and then; the question here is memory.
      inFlight: Math.ceil(ratePerSecond / 2),
    }),
  },
  { "waiting_us{population:all}": ["p(99)<250000"] },
);

/** One request of the mix, of a stranger now and then. */
export function trade(): void {
  const n = scenario.iterationInTest;
  const usual = request(n);
  const headers = {
    ...usual.headers,
    ...(n % newUserEvery === 0 && { "x-user-id": `visitor-${n}` }),
    ...(n % newSymbolEvery === 0 && { "x-trading-symbol": `NEW-${n}` }),
  };
  const population = n < warmUpSeconds * ratePerSecond ? "warm-up" : "all";
  send(base, { ...usual, headers }, { population, fault: servedOrRefused });
}
