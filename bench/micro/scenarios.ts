import type { PropertyValue } from "../../scripts/lib/emulator/index.ts";

type Headers = readonly (readonly [name: string, value: string])[];

/** Stands for the number of a request, eight digits. */
export const NUMBER = "@@@@@@@@";

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

const RESPONSE: Headers = [
  [":status", "200"],
  ["content-type", "application/json"],
  ["content-length", "72"],
  ["date", "Mon, 23 Nov 2026 07:00:00 GMT"],
  ["server", "envoy"],
  ["x-envoy-upstream-service-time", "1"],
];

function order(symbol?: string): Headers {
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

const OPERATIONS = {
  operations: [
    { name: "place_order", method: "POST", path: "/api/v1/orders" },
    { name: "cancel_order", method: "DELETE", pathPrefix: "/api/v1/orders/" },
    { name: "quote" },
  ],
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
