// What does a client feel of the filter? The same requests at the same rate to one Envoy's listeners, slice by slice.

import { scenario } from "k6/execution";
import { arrivals, options as optionsOf } from "../lib/k6/options.ts";
import { parametersText, target, type Parameters } from "../lib/k6/parameters.ts";
import { send } from "../lib/k6/send.ts";

export { handleSummary } from "../lib/k6/summary.ts";

/** What the driver tells. */
export interface OverheadParameters extends Parameters {
  /** Whose turn it is, slice by slice; every round has each arm once. The first rounds are the warm-up. */
  readonly order: readonly string[];
  readonly warmUpRounds: number;
  readonly sliceRequests: number;
  /** Status of every answer after the warm-up, by arm; the targets are by arm too. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly users: number;
}

const parameters: OverheadParameters = JSON.parse(parametersText());
const { order, sliceRequests, warmUpRounds, statuses, headers, users } = parameters;
const arms = Object.keys(statuses).length;

export const options = optionsOf({
  slices: arrivals({
    exec: "ask",
    ratePerSecond: parameters.ratePerSecond,
    seconds: (order.length * sliceRequests) / parameters.ratePerSecond,
    // A machine that stops for a quarter of a second drops nothing; more would be more connections to every listener.
    inFlight: 100,
  }),
});

/** One request to the arm whose turn it is. */
export function ask(): void {
  const n = scenario.iterationInTest;
  const slice = Math.min(Math.floor(n / sliceRequests), order.length - 1);
  const round = Math.floor(slice / arms) - warmUpRounds;
  const arm = order[slice] ?? "";
  const user = ((round + warmUpRounds) * sliceRequests + (n % sliceRequests)) % users;
  const request = {
    method: "GET",
    path: `/api/v1/orders?u=user-${user}&round=${round}`,
    headers: { ...headers, "x-trading-operation": arm },
  } as const;
  // A refusing arm lets everyone's first request pass.
  const fault = ({ status }: { readonly status: number }): string =>
    status === statuses[arm] || (round < 0 && status === 200) ? "" : `status ${status}`;
  send(target(parameters, arm), request, { population: round < 0 ? `warm-up ${arm}` : arm, round, fault });
}
