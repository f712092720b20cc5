import type { Config } from "../../scripts/lib/config/types.ts";
import { countInstructions, type NativeFilter, type Play } from "./native.ts";
import { HIGH_DIGITS, LOW_DIGITS, NUMBER, OPERATIONS, RESPONSE, order, type Headers } from "./scenarios.ts";

/** One thing that grows while the request stays the same. A new sweep is a new entry of `SWEEPS`. */
export interface Sweep {
  readonly name: string;
  /** From the smallest to the largest. */
  readonly sizes: readonly number[];
  readonly at: (size: number) => SweepPoint;
}

/** What is played at one size. */
export interface SweepPoint {
  readonly configuration: Config;
  readonly headers: Headers;
  readonly play: Omit<Play, "requests">;
}

/** What one size cost. */
export interface SizeCost {
  readonly size: number;
  /** Wasm instructions a request, compiled to native code. */
  readonly instructions: number;
}

/** What a sweep found. */
export interface SweepResult {
  readonly name: string;
  readonly points: readonly SizeCost[];
}

/** No size may cost more than this times what the smallest does. */
export const FLAT = 1.2;
const COUNTED = 2000;
const WARM_UP = 200;
const TENS = (most: number): number[] =>
  Array.from({ length: Math.round(Math.log10(most)) + 1 }, (_, exponent) => 10 ** exponent);

const QUOTA = { name: "orders-per-user", operations: ["place_order"], limit: 1_000_000, window: "1s" };
const BUDGET = { name: "order-placement", operations: ["place_order"], limit: "800us" };
const MOST = {
  operations: 62,
  dimensions: 8,
  quotas: 16,
  budgets: 16,
  values: 1000,
  venues: 100,
  users: 1_000_000,
};

/** As many as asked for, the last of them the one that `place_order` needs. */
function lastOf<T>(size: number, other: (index: number) => T, needed: T): T[] {
  return [...Array.from({ length: size - 1 }, (_, index) => other(index)), needed];
}

function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${String(index).padStart(3, "0")}`);
}

function withHeader(name: string, value: string): Headers {
  return [...order("BTC-USD").filter(([other]) => other !== name), [name, value]];
}

/** The usual order under a configuration of some size. */
function configured(configuration: Config): SweepPoint {
  return {
    configuration: { ...OPERATIONS, ...configuration },
    headers: order("BTC-USD"),
    play: { warmUp: WARM_UP },
  };
}

const SERIES: Config = {
  ...OPERATIONS,
  dimensions: [
    { label: "symbol", header: "x-trading-symbol", values: numbered("S", MOST.values) },
    { label: "venue", header: "x-execution-venue", values: numbered("V", MOST.venues) },
  ],
  metrics: { maxSeries: 100_000 },
};

/** Every sweep. */
export const SWEEPS: readonly Sweep[] = [
  {
    name: "live streams",
    sizes: [0, 10, 100, 1000, 10_000],
    at: (live) => ({ ...configured({ quotas: [QUOTA] }), play: { warmUp: WARM_UP, live } }),
  },
  {
    name: "users",
    sizes: TENS(MOST.users),
    at: (users) => ({
      configuration: { ...OPERATIONS, quotas: [QUOTA], store: { capacity: MOST.users } },
      headers: withHeader("x-user-id", `user-${NUMBER}`),
      play: { warmUp: WARM_UP, fill: users, modulus: users },
    }),
  },
  {
    name: "users in a store for 1,000",
    sizes: TENS(MOST.users),
    at: (users) => ({
      configuration: { ...OPERATIONS, quotas: [QUOTA], store: { capacity: 1000 } },
      headers: withHeader("x-user-id", `user-${NUMBER}`),
      play: { warmUp: WARM_UP, fill: users, modulus: users },
    }),
  },
  {
    // Label sets that requests bring may take three quarters of the cap.
    name: "series",
    sizes: [1, 10, 100, 1000, 10_000, 70_000],
    at: (series) => ({
      configuration: SERIES,
      headers: order(`S${LOW_DIGITS}`).map(([name, value]) => [
        name,
        name === "x-execution-venue" ? `V${HIGH_DIGITS}` : value,
      ]),
      play: { warmUp: WARM_UP, fill: series, modulus: series },
    }),
  },
  {
    name: "configured operations, ours the last",
    sizes: [1, 8, MOST.operations],
    at: (size) =>
      configured({
        operations: lastOf(
          size,
          (index) => ({ name: `other${index}`, method: "POST", path: `/api/v1/other-orders-${index}` }),
          { name: "place_order", method: "POST", path: "/api/v1/orders" },
        ),
      }),
  },
  {
    name: "configured dimensions, four in the request",
    sizes: [4, MOST.dimensions],
    at: (size) =>
      configured({
        dimensions: [
          { label: "symbol", header: "x-trading-symbol" },
          { label: "order_type", header: "x-order-type" },
          { label: "strategy_id", header: "x-strategy-id" },
          { label: "venue", header: "x-execution-venue" },
          ...numbered("extra", size - 4).map((label) => ({ label, header: `x-${label}` })),
        ],
      }),
  },
  {
    name: "values in an allow-list",
    sizes: [1, 10, 100, MOST.values],
    at: (size) =>
      configured({
        dimensions: [
          {
            label: "symbol",
            header: "x-trading-symbol",
            values: lastOf(size, (index) => `S${index}`, "BTC-USD"),
          },
        ],
        metrics: { maxSeries: 20_000 },
      }),
  },
  {
    name: "configured quotas, one for the request",
    sizes: [1, 4, MOST.quotas],
    at: (size) =>
      configured({
        quotas: lastOf(
          size,
          (index) => ({ name: `other${index}`, operations: ["cancel_order"], limit: 10, window: "1s" }),
          QUOTA,
        ),
      }),
  },
  {
    name: "configured budgets, one for the request",
    sizes: [1, 4, MOST.budgets],
    at: (size) =>
      configured({
        budgets: lastOf(
          size,
          (index) => ({ name: `other${index}`, operations: ["cancel_order"], limit: "1ms" }),
          BUDGET,
        ),
      }),
  },
];

/** Counts every size of a sweep. */
export async function runSweep(native: NativeFilter, { name, sizes, at }: Sweep): Promise<SweepResult> {
  const points: SizeCost[] = [];
  for (const size of sizes) {
    const { configuration, headers, play } = at(size);
    const scenario = {
      name: `${name} ${size}`,
      configuration,
      headers,
      warmHeaders: order("BTC-USD"),
      response: RESPONSE,
    };
    const costs = await countInstructions(native, scenario, { ...play, requests: COUNTED });
    const instructions = [...costs.values()].reduce((total, cost) => total + cost, 0);
    points.push({ size, instructions: Math.round(instructions * 10) / 10 });
  }
  return { name, points };
}

/** What the dearest size costs, as a multiple of the smallest one. */
export function growth({ points }: SweepResult): number {
  const smallest = points[0]?.instructions ?? NaN;
  return Math.max(...points.map(({ instructions }) => instructions)) / smallest;
}
