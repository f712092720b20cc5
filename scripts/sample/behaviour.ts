import { symbols } from "./instruments.ts";
import type { SeededRandom } from "./random.ts";

/** What is asked of the sample service. */
export type Operation = "order" | "cancel" | "quote" | "signal";

/** What it is about to do about one request. */
export interface Plan {
  /** 0: the connection is reset instead of an answer. */
  readonly status: number;
  readonly delayMillis: number;
  /** Durations for `server-timing`, which add up to the delay. */
  readonly stages: readonly { readonly name: string; readonly millis: number }[];
  /** Age of the market data used. */
  readonly marketLagMicros: number;
}

interface Profile {
  readonly medianMillis: number;
  readonly spread: number;
  readonly success: number;
  /** Stage names with their shares of the time. */
  readonly stages: readonly (readonly [name: string, share: number])[];
}

const profiles: Readonly<Record<Operation, Profile>> = {
  order: {
    medianMillis: 2.4,
    spread: 0.55,
    success: 201,
    stages: [
      ["risk_calculation", 0.3],
      ["trade_execution", 0.6],
      ["book", 0.1],
    ],
  },
  cancel: {
    medianMillis: 1.4,
    spread: 0.45,
    success: 200,
    stages: [
      ["risk_calculation", 0.1],
      ["trade_execution", 0.9],
    ],
  },
  quote: { medianMillis: 0.6, spread: 0.7, success: 200, stages: [["book", 1]] },
  signal: {
    medianMillis: 4,
    spread: 0.6,
    success: 202,
    stages: [
      ["strategy_execution", 0.8],
      ["risk_calculation", 0.2],
    ],
  },
};

const known: ReadonlySet<string> = new Set(symbols);

/** The operation behind a method and a path (without the query); undefined: 404. */
export function operationOf(method: string, path: string): Operation | undefined {
  if (method === "POST" && path === "/api/v1/orders") return "order";
  if (method === "DELETE" && /^\/api\/v1\/orders\/[^/]+$/.test(path)) return "cancel";
  if (method === "GET" && /^\/api\/v1\/quotes\/[^/]+$/.test(path)) return "quote";
  if (method === "POST" && /^\/api\/v1\/strategies\/[^/]+\/signals$/.test(path)) return "signal";
  return undefined;
}

/** Draws latency and outcome: log-normal, one in a hundred slow, a few errors, a reset now and then. */
export function planFor(operation: Operation, symbol: string, random: SeededRandom): Plan {
  const profile = profiles[operation];
  const slow = random.chance(0.01) ? 20 : 1;
  const delayMillis = Math.min(500, slow * random.logNormal(profile.medianMillis, profile.spread));
  return {
    status: outcome(profile.success, known.has(symbol.toUpperCase()), random),
    delayMillis,
    stages: profile.stages.map(([name, share]) => ({ name, millis: delayMillis * share })),
    marketLagMicros: Math.round(random.logNormal(900, 0.8)),
  };
}

function outcome(success: number, symbolIsKnown: boolean, random: SeededRandom): number {
  const draw = random.next();
  if (draw < 0.001) return 0;
  if (draw < 0.004) return 500;
  if (draw < 0.007) return 503;
  if (!symbolIsKnown) return 404;
  return draw < 0.017 ? 422 : success;
}
