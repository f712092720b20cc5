import type { PropertyValue } from "../../scripts/lib/emulator/index.ts";

export type Headers = readonly (readonly [name: string, value: string])[];

/** Stands for the number of a request, eight digits. */
export const NUMBER = "@@@@@@@@";

/** Stand for its last three digits, and for the three before them. */
export const [LOW_DIGITS, HIGH_DIGITS] = ["{l}", "{h}"];

/** What the native host replaces by digits of a request's number, once in a request each. */
export const PLACEHOLDERS = [
  { text: NUMBER, divisor: 1 },
  { text: LOW_DIGITS, divisor: 1 },
  { text: HIGH_DIGITS, divisor: 1000 },
];

/** One path through the filter, to be counted. A new path is a new entry of `SCENARIOS`. */
export interface Scenario {
  readonly name: string;
  readonly configuration: object;
  /** The requests that are counted; `NUMBER` in a value makes each one different. */
  readonly headers: Headers;
  /** The requests before them; default: the same. */
  readonly warmHeaders?: Headers;
  readonly response: Headers;
  /** An earlier filter answers: `proxy_on_log` is the first callback. */
  readonly early?: boolean;
  readonly properties?: Readonly<Record<string, PropertyValue>>;
  readonly warmUp: number;
  readonly counted: number;
  /** The most this path may ever cost, whatever was accepted. */
  readonly most?: { readonly hostCalls: number; readonly returningBytes: number };
}

export const RESPONSE: Headers = [
  [":status", "200"],
  ["content-type", "application/json"],
  ["content-length", "72"],
  ["date", "Mon, 23 Nov 2026 07:00:00 GMT"],
  ["server", "envoy"],
  ["x-envoy-upstream-service-time", "1"],
];

/** An order as a client's sidecar would pass it on. */
export function order(symbol?: string): Headers {
  const headers: Headers = [
    [":method", "POST"],
    [":path", "/api/v1/orders"],
    [":authority", "orders.trading.svc.cluster.local"],
    [":scheme", "http"],
    ["content-type", "application/json"],
    ["user-agent", "trading-client/4.2"],
    ["x-request-id", "6f1c2f0e-5d2c-4f64-8f0b-0d2c6f1c2f0e"],
    ["x-order-type", "limit"],
    ["x-strategy-id", "momentum-7"],
    ["x-execution-venue", "XNYS"],
    ["x-user-id", "user-00000042"],
  ];
  return symbol === undefined ? headers : [...headers, ["x-trading-symbol", symbol]];
}

export const OPERATIONS = {
  operations: [
    { name: "place_order", method: "POST", path: "/api/v1/orders" },
    { name: "cancel_order", method: "DELETE", pathPrefix: "/api/v1/orders/" },
    { name: "quote" },
  ],
};

const REFUSED: Headers = [
  [":status", "429"],
  ["content-type", "application/problem+json"],
  ["retry-after", "3600"],
  ["ratelimit-policy", '"orders-per-user";q=1;w=3600'],
  ["ratelimit", '"orders-per-user";r=0;t=3600'],
  ["x-envoy-ratelimited", "true"],
];

const QUOTA = { name: "orders-per-user", operations: ["place_order"], limit: 1_000_000, window: "1s" };
const BUDGETS = {
  budgets: [{ name: "order-placement", operations: ["place_order"], limit: "800us" }],
};

const USUAL = { response: RESPONSE, warmUp: 200, counted: 1000 };

/** Every path that is counted. */
export const SCENARIOS: readonly Scenario[] = [
  {
    ...USUAL,
    name: "allowed",
    configuration: OPERATIONS,
    headers: order("BTC-USD"),
    most: { hostCalls: 5, returningBytes: 2 },
  },
  {
    ...USUAL,
    name: "allowed, filter state",
    configuration: { ...OPERATIONS, metrics: { filterState: true } },
    headers: order("BTC-USD"),
  },
  {
    ...USUAL,
    name: "allowed, budget",
    configuration: { ...OPERATIONS, ...BUDGETS },
    headers: order("BTC-USD"),
  },
  {
    ...USUAL,
    name: "allowed, exact quota",
    configuration: { ...OPERATIONS, quotas: [QUOTA] },
    headers: order("BTC-USD"),
    most: { hostCalls: 7, returningBytes: 3 },
  },
  {
    ...USUAL,
    name: "allowed, leased quota",
    configuration: { ...OPERATIONS, quotas: [{ ...QUOTA, precision: { lease: 16 } }] },
    headers: order("BTC-USD"),
    most: { hostCalls: 6, returningBytes: 3 },
  },
  {
    ...USUAL,
    name: "allowed, exact quota and budget",
    configuration: { ...OPERATIONS, ...BUDGETS, quotas: [QUOTA] },
    headers: order("BTC-USD"),
  },
  {
    ...USUAL,
    name: "refused by a quota",
    configuration: { ...OPERATIONS, quotas: [{ ...QUOTA, limit: 1, window: "1h" }] },
    headers: order("BTC-USD"),
    response: REFUSED,
  },
  {
    ...USUAL,
    name: "first values of a label",
    configuration: OPERATIONS,
    warmHeaders: order(),
    headers: order(`S${NUMBER}`),
    counted: 8,
  },
  {
    ...USUAL,
    name: "values without a place",
    configuration: OPERATIONS,
    warmHeaders: order("BTC-USD"),
    headers: order(`S${NUMBER}`),
  },
  { ...USUAL, name: "log only", configuration: OPERATIONS, headers: order("BTC-USD"), early: true },
];
