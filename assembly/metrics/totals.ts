import { addToCounter } from "../host/metrics";
import { Status } from "../host/status";
import { Writer } from "../text/writer";
import { Failure, Metric } from "./catalog";
import { noteFailure } from "./failures";
import { isMetric, seriesId } from "./registry";

/** Adds a gathered count to the counter whose name was just written. True: nothing of it is left to add. */
export function addToTotal(metric: Metric, name: Writer, count: u64, maxSeries: u32): bool {
  if (count == 0) return true;
  const id = seriesId(metric, name, maxSeries);
  if (!isMetric(id)) return false;
  if (addToCounter(id, count) == Status.Ok) return true;
  noteFailure(Failure.Metrics);
  return false;
}
