import { symbols } from "../../../scripts/sample/instruments.ts";
import type { TradingRequest } from "../../../scripts/sample/traffic-mix.ts";

const types = ["limit", "market", "stop", "stop_limit"];
const strategies = ["market-maker", "momentum", "pairs", "twap"];

/** The n-th order of a user, without a body: a refusal then leaves an HTTP/1.1 connection open. */
export function order(user: string, n: number): TradingRequest {
  return {
    method: "POST",
    path: "/api/v1/orders",
    headers: {
      "x-user-id": user,
      "x-trading-symbol": symbols[n % symbols.length] ?? "",
      "x-order-type": types[n % types.length] ?? "",
      "x-strategy-id": strategies[n % strategies.length] ?? "",
      "x-execution-venue": "kraken",
    },
  };
}
