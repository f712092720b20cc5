import { NO_METRIC, defineMetric } from "../host/metrics";
import { hashBytes } from "../memory/siphash";
import { WORD_MAP_BYTES, WordMap } from "../memory/wordmap";
import { Writer, WRITER_BYTES } from "../text/writer";
import { Failure, Metric, metricKind, writeMetricName } from "./catalog";
import { noteFailure } from "./failures";
import { claimSeries } from "./ledger";

const NAME_CAPACITY: u32 = 1536;
const nameBuffer = memory.data(1536);
const nameWriter = memory.data(WRITER_BYTES);

/** Hash of a name -> metric id + 1. Envoy makes a new id at every definition and never frees one, so each is kept. */
const known = memory.data(WORD_MAP_BYTES);

/** Starts the name of a series of a metric; labels are appended to it. Names are not nested. */
export function startName(metric: Metric): Writer {
  return writeMetricName(changetype<Writer>(nameWriter).init(nameBuffer, NAME_CAPACITY), metric).byte(0x2e);
}

/**
 * The id of the series whose name was just written, defined and claimed in the ledger when it is new to this VM.
 * `NO_METRIC`: there is no room for it, or the host refused.
 */
export function seriesId(metric: Metric, name: Writer, maxSeries: u32): u32 {
  // A metric without labels has no dot at its end.
  if (load<u8>(name.ptr + name.len - 1) == 0x2e) name.len -= 1;
  if (name.full) return NO_METRIC;
  const map = changetype<WordMap>(known);
  const hash = max<u64>(hashBytes(name.ptr, name.len), 1);
  const found = map.find(hash);
  if (found != 0) return found - 1;
  if (!claimSeries(name.ptr, name.len, maxSeries)) return NO_METRIC;
  const id = defineMetric(metricKind(metric), name.ptr, name.len);
  if (id == NO_METRIC) {
    noteFailure(Failure.Metrics);
    return NO_METRIC;
  }
  map.put(hash, id + 1);
  return id;
}

/** Claims room for the series whose name was just written without defining it. */
export function reserveName(name: Writer, maxSeries: u32): bool {
  if (load<u8>(name.ptr + name.len - 1) == 0x2e) name.len -= 1;
  return !name.full && claimSeries(name.ptr, name.len, maxSeries);
}
