import { Plan } from "../config/plan";
import { WARN, logLine, writeLog } from "../host/log";
import { createShared } from "../host/shared";
import { recordValue } from "../host/metrics";
import { Status } from "../host/status";
import { addToTotal } from "./totals";
import { takeEvictions, takeRetries } from "../store/counts";
import { Writer, WRITER_BYTES } from "../text/writer";
import { writeKey } from "./sharedkeys";
import { VERSION } from "../version";
import { FAILURES, Failure, Metric, writeFailure } from "./catalog";
import { giveBackFailures, noteFailure, takeFailures } from "./failures";
import { spellSafely } from "./labels";
import { UNKNOWN, claimedSeries } from "./ledger";
import { Recorder } from "./recorder";
import { isMetric, reserveName, seriesId, startName } from "./registry";

/** Bound of the ledger for what is said where no configuration could be read. */
export const DEFAULT_MAX_SERIES: u32 = 2000;

/** Sets a gauge to a truth about the whole process. */
function setGauge(metric: Metric, name: Writer, value: u64, maxSeries: u32): void {
  const id = seriesId(metric, name, maxSeries);
  if (isMetric(id) && recordValue(id, value) != Status.Ok) noteFailure(Failure.Metrics);
}

function buildName(): Writer {
  const name = startName(Metric.BuildInfo).ascii("version=.=");
  const from = name.len;
  name.ascii(VERSION);
  spellSafely(name.ptr + from, name.len - from);
  return name.ascii(";.;");
}

function configName(hash: u32): Writer {
  return startName(Metric.ConfigInfo).ascii("config=.=").hex(hash, 8).ascii(";.;");
}

/** Says that the configuration of this hash runs, or no longer does. */
export function writeConfigInfo(hash: u32, running: bool, maxSeries: u32): void {
  setGauge(Metric.ConfigInfo, configName(hash), running ? 1 : 0, maxSeries);
}

/** Writes the gauges about the filter itself. `ok`: a configuration was accepted. */
export function writeGauges(ok: bool, maxSeries: u32): void {
  setGauge(Metric.BuildInfo, buildName(), 1, maxSeries);
  setGauge(Metric.ConfigOk, startName(Metric.ConfigOk), ok ? 1 : 0, maxSeries);
  const claimed = claimedSeries();
  if (claimed != UNKNOWN) setGauge(Metric.Series, startName(Metric.Series), claimed, maxSeries);
}

/** Writes the failures counted since the last time. */
export function flushFailures(maxSeries: u32): void {
  for (let failure = 0; failure < <i32>FAILURES; failure++) {
    const count = takeFailures(failure);
    if (!addToTotal(Metric.Failures, failureNameOf(failure), count, maxSeries))
      giveBackFailures(failure, count);
  }
}

function failureNameOf(failure: Failure): Writer {
  return writeFailure(startName(Metric.Failures).ascii("reason=.="), failure).ascii(";.;");
}

/** Writes what the quota store did since the last time. */
export function flushStore(maxSeries: u32): void {
  addToTotal(Metric.StoreRetries, startName(Metric.StoreRetries), takeRetries(), maxSeries);
  addToTotal(Metric.StoreEvictions, startName(Metric.StoreEvictions), takeEvictions(), maxSeries);
}

/** Says how many users were charged within their window. */
export function writeActiveUsers(users: u32, maxSeries: u32): void {
  setGauge(Metric.ActiveUsers, startName(Metric.ActiveUsers), users, maxSeries);
}

/** Writes what went to `other` for want of a place since the last time. */
export function flushOverflow(recorder: Recorder): void {
  const maxSeries = recorder.plan.maxSeries;
  for (let i: u32 = 0; i < recorder.vocabularyCount; i++) {
    const vocabulary = recorder.vocabularyAt(i);
    if (vocabulary.overflow != 0) warnOnce(vocabulary.label, vocabulary.labelLength);
    const name = overflowName(vocabulary.label, vocabulary.labelLength);
    if (addToTotal(Metric.SeriesOverflow, name, vocabulary.overflow, maxSeries)) vocabulary.overflow = 0;
  }
  const lags = recorder.timings.lags;
  const whole = recorder.requests.overflow + recorder.durations.overflow + lags.overflow;
  if (whole != 0) warnOnce("series", 6);
  if (!addToTotal(Metric.SeriesOverflow, wholeOverflowName(), whole, maxSeries)) return;
  recorder.requests.overflow = 0;
  recorder.durations.overflow = 0;
  lags.overflow = 0;
}

/** Says once in the life of the process that a label has values without a place. */
function warnOnce(label: usize, labelLength: u32): void {
  const line = logLine().ascii("some values go to other, see tickgate_series_overflow_total: label ");
  const from = line.len;
  line.bytes(label, labelLength);
  const key = changetype<Writer>(keyWriter).init(keyBuffer, 64);
  writeKey(key, "o:").bytes(line.ptr + from, line.len - from);
  if (createShared(key.ptr, key.len, key.ptr, 1) == Status.Ok) writeLog(WARN);
}

const keyBuffer = memory.data(64);
const keyWriter = memory.data(WRITER_BYTES);

function overflowName(label: usize, labelLength: u32): Writer {
  return startName(Metric.SeriesOverflow).ascii("label=.=").bytes(label, labelLength).ascii(";.;");
}

function wholeOverflowName(): Writer {
  return startName(Metric.SeriesOverflow).ascii("label=.=series;.;");
}

/** Claims room for everything the filter may have to say of itself. Returns how many series found none. */
export function reserveSelf(recorder: Recorder, plan: Plan, configHash: u32): u32 {
  const maxSeries = plan.maxSeries;
  let missing: u32 = 0;
  missing += reserve(buildName(), maxSeries);
  missing += reserve(configName(configHash), maxSeries);
  missing += reserve(startName(Metric.ConfigOk), maxSeries);
  missing += reserve(startName(Metric.Series), maxSeries);
  missing += reserve(wholeOverflowName(), maxSeries);
  for (let i: u32 = 0; i < recorder.vocabularyCount; i++) {
    const vocabulary = recorder.vocabularyAt(i);
    if (!vocabulary.learns) continue;
    missing += reserve(overflowName(vocabulary.label, vocabulary.labelLength), maxSeries);
  }
  for (let i = 0; i < <i32>FAILURES; i++) missing += reserve(failureNameOf(i), maxSeries);
  if (plan.quotaCount == 0) return missing;
  missing += reserve(startName(Metric.StoreRetries), maxSeries);
  missing += reserve(startName(Metric.StoreEvictions), maxSeries);
  missing += reserve(startName(Metric.ActiveUsers), maxSeries);
  return missing;
}

/** Claims room for a counter or a gauge: both weigh 1. */
function reserve(name: Writer, maxSeries: u32): u32 {
  return reserveName(Metric.Failures, name, maxSeries) ? 0 : 1;
}
