import { textByte } from "../text/literal";
import { Writer } from "../text/writer";
import { writeWord } from "../text/words";

/** Every metric of the filter. Names, kinds and label names below are in this order. */
export enum Metric {
  Requests,
  RequestDuration,
  QuotaDecisions,
  BudgetRequests,
  BudgetViolations,
  StageDuration,
  MarketDataLag,
  ActiveUsers,
  BuildInfo,
  ConfigInfo,
  ConfigOk,
  Series,
  SeriesOverflow,
  StoreRetries,
  StoreEvictions,
  Failures,
}

const NAMES =
  "trading_requests_total, trading_request_duration_us, trading_quota_decisions_total, trading_budget_requests_total, trading_budget_violations_total, trading_stage_duration_us, trading_market_data_lag_us, trading_active_users, tickgate_build_info, tickgate_config_info, tickgate_config_ok, tickgate_series, tickgate_series_overflow_total, tickgate_store_retries_total, tickgate_store_evictions_total, tickgate_failures_total";

/** A digit for each: the kind by its number in the ABI, counter 0, gauge 1, histogram 2. */
const KINDS = "0200022111110000";

/** Appends the name of a metric, without labels. */
export function writeMetricName(writer: Writer, metric: Metric): Writer {
  return writeWord(writer, NAMES, metric);
}

/** The kind of a metric. */
export function metricKind(metric: Metric): i32 {
  return <i32>textByte(KINDS, metric) - 0x30;
}

/** A histogram takes 8.9 KB of Envoy's memory, a counter 0.6 (1.40.0, two workers, 31 buckets, 2,000 of each). */
const HISTOGRAM_WEIGHT: u32 = 14;

/** What one series of a metric takes of `maxSeries`. */
export function seriesWeight(metric: Metric): u32 {
  return metricKind(metric) == 2 ? HISTOGRAM_WEIGHT : 1;
}

/** Outcome of a request: label `result`. */
export enum Result {
  Ok,
  ClientError,
  ServerError,
  QuotaDenied,
  BudgetDenied,
  Unidentified,
  Failed,
  Aborted,
}

export const RESULTS: u32 = 8;

const RESULT_NAMES =
  "ok, client_error, server_error, quota_denied, budget_denied, unidentified, failed, aborted";

/** Appends the label text of a result. */
export function writeResult(writer: Writer, result: Result): Writer {
  return writeWord(writer, RESULT_NAMES, result);
}

/** What went wrong in the filter itself: label `reason` of `tickgate_failures_total`. */
export enum Failure {
  /** A configuration was refused. */
  Config,
  /** No memory for a request's slot, or a buffer. */
  Memory,
  /** Request or response headers could not be read. */
  Headers,
  /** The host refused a metric. */
  Metrics,
  /** Shared data could not be read or written. */
  Store,
  /** A value of the quota store was not ours, of another format, or damaged. */
  StoreValue,
  /** A clock was missing or ran backwards. */
  Clock,
  /** A property or filter state could not be read or written. */
  Properties,
  /** The host gave no timer; counts wait until it does. */
  Timer,
  /** The host did not take our reply. */
  Reply,
  /** A Server-Timing metric broke the grammar. */
  ServerTiming,
  /** A market timestamp was no number. */
  MarketTimestamp,
  /** A caller's budget was no number, or longer than a day. */
  CallerBudget,
}

export const FAILURES: u32 = 13;

const FAILURE_NAMES =
  "config, memory, headers, metrics, store, store_value, clock, properties, timer, reply, server_timing, market_timestamp, caller_budget";

/** Appends the label text of a failure. */
export function writeFailure(writer: Writer, failure: Failure): Writer {
  return writeWord(writer, FAILURE_NAMES, failure);
}
