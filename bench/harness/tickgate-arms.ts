import type { Config } from "../../scripts/lib/config/types.ts";
import { wasmFilter } from "../../scripts/lib/envoy/wasm.ts";
import type { Copy, Parts } from "./arm.ts";

/** Tokens of a lease in the leased arm. */
export const leaseTokens = 16;

/**
 * What every arm holds each user to. The burst is never exhausted, and the rate is one that users come near: a lease
 * is worth nothing to who sends far less than it is good for.
 */
export const userRate = { limit: 10, burst: 1_000_000 } as const;

/** Labels of every request, and the headers they come from. */
export const dimensions = [
  { label: "symbol", header: "x-trading-symbol" },
  { label: "order_type", header: "x-order-type" },
  { label: "strategy_id", header: "x-strategy-id" },
] as const;

/** The filter with a configuration that depends on the copy. Every listener has a VM (and its shared data) of its own. */
export function tickgate(configuration: (copy: Copy) => Config): (copy: Copy) => Parts {
  return (copy) => ({
    filters: [
      wasmFilter({
        name: `tickgate_${copy.index}`,
        module: copy.module,
        vmId: copy.lane,
        configuration: configuration(copy),
      }),
    ],
  });
}

/** Counts and times by the labels that every arm has: the same five on the counter, four on the histogram. */
export function dimensionsOnly({ lane, users, copies }: Copy): Config {
  return {
    operations: [{ name: lane }],
    dimensions,
    metrics: { durationLabels: [...dimensions.map(({ label }) => label), "operation"] },
    // The copies of a listener share a store, each with buckets of its own.
    store: { capacity: Math.max(100_000, users * copies) },
  };
}

/** Also judges a budget that nobody breaks. */
export function budgets(copy: Copy): Config {
  return { ...dimensionsOnly(copy), budgets: [{ name: copy.lane, limit: "1s" }] };
}

/** Also charges a quota that nobody exhausts, a bucket a user. */
export function quota(precision: "exact" | { readonly lease: number }): (copy: Copy) => Config {
  return (copy) => {
    const rate = { ...userRate, window: "1s", key: ["user"], operations: [copy.lane] };
    return { ...dimensionsOnly(copy), quotas: [{ name: quotaName(copy), ...rate, precision }] };
  };
}

/** Also refuses everyone after one request an hour. */
export function exhausted(copy: Copy): Config {
  return {
    ...dimensionsOnly(copy),
    quotas: [{ name: quotaName(copy), limit: 1, window: "1h", key: ["user"] }],
  };
}

/** Two copies with a quota of one name would charge the same buckets. */
export function quotaName({ lane, index }: Pick<Copy, "lane" | "index">): string {
  return `${lane}-${index}`;
}

/** Learns `symbols` values of the label `symbol` as fast as they come, with room for all of their series. */
export function learning(symbols: number): (copy: Copy) => Config {
  return (copy) => ({
    ...dimensionsOnly(copy),
    dimensions: [
      { label: "symbol", header: "x-trading-symbol", maxValues: symbols, newValuesPerMinute: 60_000 },
    ],
    metrics: { maxSeries: 4 * symbols },
  });
}
