import { parseDuration } from "../../../scripts/lib/config/rates.ts";
import type { Config, DimensionConfig } from "../../../scripts/lib/config/types.ts";
import type { Remark } from "./finding.ts";

const defaultMaxSeries = 2000;
/** Label `result`, reasons of `tickgate_failures_total`, decisions of a quota, requests and shares of a budget. */
const results = 8;
const failureReasons = 13;
const decisions = 4;
const budgetSeries = 4;
/** What a histogram weighs in `maxSeries`, a counter or a gauge being 1. */
const histogramWeight = 14;
/** Build, configuration, config_ok, series, and the overflow of the whole. */
const selfSeries = 5;
/** Retries, evictions and active users, where there are quotas. */
const storeSeries = 3;

const defaultDimensions: readonly DimensionConfig[] = ["symbol", "order_type", "strategy_id", "venue"].map(
  (label) => ({ label, header: `x-${label}` }),
);

/**
 * What a configuration sets aside of `metrics.maxSeries` when it loads: `fixed` for the filter itself, operations,
 * stages, quotas and budgets, `listed` for the values of allow-lists, of which the filter grants at most half of all.
 */
export interface Reservation {
  readonly maxSeries: number;
  readonly fixed: number;
  readonly listed: number;
  /** The part of `listed` that the half is measured by: label sets of `trading_requests_total`. */
  readonly listedRequests: number;
}

/** Counts what the filter reserves, as `tickgate_series` shows it right after the load when all of it fits. */
export function reservationOf(config: Config): Reservation {
  const dimensions = config.dimensions ?? defaultDimensions;
  const learned = dimensions.filter(({ values }) => values === undefined).length;
  // Where names of operations are learned: `none` and `other`, and an overflow counter of the label.
  const learnsOperations = config.operations === undefined;
  const operations = learnsOperations ? 2 : (config.operations ?? []).length + 1;
  const durationLabels = config.metrics?.durationLabels ?? ["operation"];
  const durations =
    (durationLabels.includes("operation") ? operations : 1) *
    (durationLabels.includes("result") ? results : 1);
  const quotas = (config.quotas ?? []).length;
  const own =
    selfSeries + failureReasons + learned + (learnsOperations ? 1 : 0) + (quotas > 0 ? storeSeries : 0);
  const fixed =
    own +
    operations * results +
    (durations + (config.stages?.values ?? []).length) * histogramWeight +
    quotas * decisions +
    (config.budgets ?? []).length * budgetSeries;
  let listedRequests = 0;
  let listedDurations = 0;
  for (const dimension of dimensions) {
    const values = distinct(dimension);
    listedRequests += values * operations * results;
    if (durationLabels.includes(dimension.label)) listedDurations += values * durations * histogramWeight;
  }
  const maxSeries = config.metrics?.maxSeries ?? defaultMaxSeries;
  return { maxSeries, fixed, listed: listedRequests + listedDurations, listedRequests };
}

/** Values of an allow-list that stay different when their case is folded. */
function distinct({ values = [], case: letterCase = "keep" }: DimensionConfig): number {
  if (letterCase === "keep") return new Set(values).size;
  return new Set(values.map((value) => value.toLowerCase())).size;
}

/** Warnings about labels and the room for series. */
export function seriesWarnings(config: Config): Remark[] {
  const { maxSeries, fixed, listed, listedRequests } = reservationOf(config);
  const warnings: Remark[] = [];
  const path = "metrics.maxSeries";
  if (fixed > maxSeries) {
    const message = `${maxSeries} is too small: ${fixed} are needed for every operation with every result, stages, quotas and budgets`;
    warnings.push({ path, message });
  } else if (listedRequests > maxSeries / 2 || fixed + listed > maxSeries) {
    const room = Math.floor(Math.min(maxSeries / 2, maxSeries - fixed));
    const message = `${maxSeries} leaves ${room} to the values of allow-lists, which need ${listed}: some are counted as other under load`;
    warnings.push({ path, message });
  }
  // Label sets that requests bring get three quarters.
  const learnable = Math.max(maxSeries - Math.floor(maxSeries / 4) - fixed - listed, 0);
  for (const [index, dimension] of (config.dimensions ?? []).entries()) {
    warnings.push(...capWarnings(dimension, `dimensions[${index}]`, learnable));
  }
  return warnings;
}

function capWarnings({ label, values, maxValues }: DimensionConfig, at: string, learnable: number): Remark[] {
  if (values !== undefined) return [];
  if (maxValues === undefined) {
    return [{ path: at, message: `${label} has no cap of its own (100 values): say values or maxValues` }];
  }
  if (maxValues <= learnable) return [];
  const message = `${maxValues} values of ${label} can't have a series each: metrics.maxSeries leaves room for ${learnable}`;
  return [{ path: `${at}.maxValues`, message }];
}

/**
 * Shortest budget that says something about a service and not about the proxy, in nanoseconds. Of 3,000 requests over
 * loopback the quickest spent 181 us outside the upstream (`npm run bench:budget`, two slow cores); a fast machine may
 * need a quarter of that.
 */
const shortestBudgetNanos = 50_000;

/** Warnings about budgets that nothing can keep. */
export function budgetWarnings(config: Config): Remark[] {
  return (config.budgets ?? []).flatMap(({ name, limit }, index) => {
    if (parseDuration(limit) >= shortestBudgetNanos) return [];
    const message = `${limit} is less than the proxy itself takes: every request breaks ${name}`;
    return [{ path: `budgets[${index}].limit`, message }];
  });
}
