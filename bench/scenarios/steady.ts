// Does the platform's mix get through the shipped configuration as it would without a filter, every request counted?

import { scenario } from "k6/execution";
import { arrivals, options as optionsOf } from "../lib/k6/options.ts";
import { parametersText, target, type Parameters } from "../lib/k6/parameters.ts";
import { send, type Answer } from "../lib/k6/send.ts";
import { operationOf, platformMix } from "../lib/k6/traffic.ts";

export { handleSummary } from "../lib/k6/summary.ts";

const parameters: Parameters = JSON.parse(parametersText());
const { ratePerSecond, warmUpSeconds, durationSeconds, seed } = parameters;
const request = platformMix(seed);

export const options = optionsOf(
  { steady: arrivals({ exec: "trade", ratePerSecond, seconds: warmUpSeconds + durationSeconds }) },
  { waiting_us: ["med<20000", "p(99)<250000"] },
);

/** One request of the mix. */
export function trade(): void {
  const n = scenario.iterationInTest;
  const next = request(n);
  const warm = n < warmUpSeconds * ratePerSecond;
  const operation = operationOf(next);
  const population = warm ? `warm-up ${operation}` : operation;
  send(target(parameters, "trading"), next, { population, fault });
}

// What the sample service answers, its own failures included; the refusals are the filter's.
const served: ReadonlySet<number> = new Set([200, 201, 202, 404, 422, 500, 503]);

function fault({ status, headers }: Answer): string {
  if (status === 429) return headers.Ratelimit === undefined ? "a 429 without ratelimit" : "";
  return served.has(status) ? "" : `status ${status}`;
}
