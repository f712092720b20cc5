import { SharedArray } from "k6/data";
import { tradingTraffic, type TradingRequest } from "../../../scripts/sample/traffic-mix.ts";

const prepared = 5000;

/** The platform's mix, made once for all virtual users; the n-th request of a run is the same for the same seed. */
export function platformMix(seed: number): (n: number) => TradingRequest {
  const requests = new SharedArray<TradingRequest>("the platform's mix", () => {
    const traffic = tradingTraffic(seed);
    return Array.from({ length: prepared }, () => traffic.next().value);
  });
  return (n) => {
    const request = requests[n % prepared];
    if (request === undefined) throw new Error("the mix is empty");
    return request;
  };
}

/** The operation that the deployed configuration gives a request of the mix. */
export function operationOf({ method, path }: TradingRequest): string {
  if (path === "/api/v1/orders") return "place_order";
  if (method === "DELETE" && path.startsWith("/api/v1/orders/")) return "cancel_order";
  if (path.startsWith("/api/v1/quotes/")) return "quote";
  return path.startsWith("/api/v1/strategies/") ? "strategy_signal" : "other";
}
