import { symbols } from "./instruments.ts";
import { SeededRandom, zipf, type Weighted } from "./random.ts";

/** One request to send. */
export interface TradingRequest {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

const users = zipf(
  Array.from({ length: 300 }, (_, index) => `trader-${String(index + 1).padStart(3, "0")}`),
  0.9,
);
const traded = zipf(symbols);
const strategies = zipf(["market-maker", "momentum", "pairs", "twap"]);
const venues = {
  crypto: zipf(["coinbase", "kraken"], 2.5),
  currencies: zipf(["lmax"]),
  equities: zipf(["nasdaq", "nyse"], 2.5),
};
const currencies: ReadonlySet<string> = new Set(["EUR-USD", "GBP-USD", "USD-JPY"]);
const orderTypes: readonly Weighted<string>[] = [
  { value: "limit", weight: 60 },
  { value: "market", weight: 28 },
  { value: "stop", weight: 7 },
  { value: "stop_limit", weight: 4 },
  // Not in the list that the configuration allows.
  { value: "iceberg", weight: 1 },
];
const operations: readonly Weighted<(headers: Headers, random: SeededRandom) => TradingRequest>[] = [
  { value: placeOrder, weight: 38 },
  { value: cancelOrder, weight: 17 },
  { value: getQuote, weight: 33 },
  { value: sendSignal, weight: 11 },
  { value: lost, weight: 1 },
];

type Headers = Record<string, string>;

/** Endless trading traffic, the same for the same seed: skewed to few symbols and users, with a little junk in it. */
export function* tradingTraffic(seed: number): Generator<TradingRequest, never> {
  const random = new SeededRandom(seed);
  for (;;) yield random.weighted(operations)(tradingHeaders(random), random);
}

function tradingHeaders(random: SeededRandom): Headers {
  const symbol = symbolAsSent(random);
  const headers: Headers = {
    "x-user-id": random.weighted(users),
    "x-trading-symbol": symbol,
    "x-strategy-id": random.weighted(strategies),
    "x-execution-venue": random.weighted(venuesOf(symbol)),
  };
  if (headers["x-user-id"]?.endsWith("7")) headers["x-user-tier"] = "gold";
  if (random.chance(0.2)) headers["x-latency-budget-us"] = String(500 * (1 + random.below(20)));
  if (random.chance(0.01)) delete headers["x-trading-symbol"];
  if (random.chance(0.01)) delete headers["x-user-id"];
  if (random.chance(0.02)) delete headers["x-strategy-id"];
  return headers;
}

/** Mostly as listed; now and then in lower case, or a symbol that nobody trades. */
function symbolAsSent(random: SeededRandom): string {
  if (random.chance(0.005)) return `X${random.below(1_000_000)}`;
  const symbol = random.weighted(traded);
  return random.chance(0.03) ? symbol.toLowerCase() : symbol;
}

/** An instrument trades at few venues: labels that are drawn apart would multiply to far more series than in practice. */
function venuesOf(symbol: string): readonly Weighted<string>[] {
  if (currencies.has(symbol.toUpperCase())) return venues.currencies;
  return symbol.includes("-") ? venues.crypto : venues.equities;
}

function placeOrder(headers: Headers, random: SeededRandom): TradingRequest {
  const type = random.weighted(orderTypes);
  const side = random.chance(0.5) ? "buy" : "sell";
  return {
    method: "POST",
    path: "/api/v1/orders",
    headers: { ...headers, "x-order-type": type, "content-type": "application/json" },
    body: JSON.stringify({
      symbol: headers["x-trading-symbol"],
      type,
      side,
      quantity: 1 + random.below(500),
    }),
  };
}

function cancelOrder(headers: Headers, random: SeededRandom): TradingRequest {
  return { method: "DELETE", path: `/api/v1/orders/${random.below(1_000_000)}`, headers };
}

function getQuote(headers: Headers): TradingRequest {
  return { method: "GET", path: `/api/v1/quotes/${headers["x-trading-symbol"] ?? "BTC-USD"}`, headers };
}

function sendSignal(headers: Headers, random: SeededRandom): TradingRequest {
  const strategy = headers["x-strategy-id"] ?? "manual";
  return {
    method: "POST",
    path: `/api/v1/strategies/${strategy}/signals`,
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify({ signal: random.chance(0.5) ? "enter" : "exit", strength: random.next() }),
  };
}

/** Somebody's old client. */
function lost(headers: Headers): TradingRequest {
  return { method: "GET", path: "/api/v0/ping", headers };
}
