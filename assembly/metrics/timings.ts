import { Plan, PART_OPERATION } from "../config/plan";
import { NO_METRIC, recordValue } from "../host/metrics";
import { Status } from "../host/status";
import { Arena } from "../memory/arena";
import { rangeAt, sameBytes } from "../text/bytes";
import { Writer } from "../text/writer";
import { Failure, Metric } from "./catalog";
import { Family, createFamily } from "./family";
import { noteFailure } from "./failures";
import { spellSafely } from "./labels";
import { isMetric, reserveName, seriesId, startName } from "./registry";

const MAX_ROWS: u32 = 128;

/** What upstreams tell of themselves: stage durations (Server-Timing) and the age of market data. */
@unmanaged
export class Timings {
  plan: Plan;
  lags: Family;
  /** u32 each: metric id of a stage, or `NO_ROOM`; 0 until it is first seen. */
  stageMetrics: usize;

  /** Records one stage's duration, if the stage is on the allow-list. */
  recordStage(name: usize, nameLength: u32, micros: u64): void {
    for (let i: u32 = 0; i < this.plan.stageCount; i++) {
      const stage = rangeAt(this.plan.stages, i);
      if (!sameBytes(stage.ptr, stage.len, name, nameLength)) continue;
      const metric = this.stageMetric(i);
      if (isMetric(metric) && recordValue(metric, micros) != Status.Ok) noteFailure(Failure.Metrics);
      return;
    }
  }

  private stageMetric(stage: u32): u32 {
    const at = this.stageMetrics + ((<usize>stage) << 2);
    if (load<u32>(at) != 0) return load<u32>(at);
    const id = seriesId(Metric.StageDuration, this.stageName(stage), this.plan.maxSeries);
    if (id != NO_METRIC) store<u32>(at, id);
    return id;
  }

  private stageName(stage: u32): Writer {
    const name = startName(Metric.StageDuration).ascii("stage=.=");
    const from = name.len;
    const value = rangeAt(this.plan.stages, stage);
    name.bytes(value.ptr, value.len);
    spellSafely(name.ptr + from, name.len - from);
    return name.ascii(";.;");
  }

  /** Claims room for every stage. Returns how many found none. */
  reserve(): u32 {
    let missing: u32 = 0;
    for (let i: u32 = 0; i < this.plan.stageCount; i++) {
      if (!reserveName(Metric.StageDuration, this.stageName(i), this.plan.maxSeries)) missing += 1;
    }
    return missing;
  }

  /** Records the age of the market data in a response. */
  recordLag(ids: usize, micros: u64): void {
    if (!this.lags.record(ids, micros)) noteFailure(Failure.Metrics);
  }
}

/** Makes the timings of a plan; address 0 when the arena is full. */
export function createTimings(arena: Arena, plan: Plan): Timings {
  const at = arena.alloc(offsetof<Timings>());
  const stageMetrics = arena.alloc((<usize>plan.stageCount) << 2);
  const parts = arena.alloc(1);
  if (at == 0 || stageMetrics == 0 || parts == 0) return changetype<Timings>(0);
  store<u8>(parts, PART_OPERATION);
  const timings = changetype<Timings>(at);
  timings.plan = plan;
  timings.stageMetrics = stageMetrics;
  timings.lags = createFamily(arena, Metric.MarketDataLag, parts, 1, MAX_ROWS);
  return changetype<usize>(timings.lags) == 0 ? changetype<Timings>(0) : timings;
}
