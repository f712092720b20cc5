import { NO_METRIC, defineMetric } from "../host/metrics";
import { sipHash } from "../memory/siphash";
import { WORD_MAP_BYTES, WordMap } from "../memory/wordmap";
import { Writer, WRITER_BYTES } from "../text/writer";
import { Failure, Metric, metricKind, seriesWeight, writeMetricName } from "./catalog";
import { noteFailure } from "./failures";
import { Claim, claimSeries } from "./ledger";

const NAME_CAPACITY: u32 = 1536;
const nameBuffer = memory.data(1536);
const nameWriter = memory.data(WRITER_BYTES);

let key0: u64 = 0;
let key1: u64 = 0;

/** Sets the key under which a name's hash stands for it. Called once per VM. */
export function seedNames(first: u64, second: u64): void {
  key0 = first;
  key1 = second;
}

/** Hash of a name -> metric id + 1. Envoy makes a new id at every definition and never frees one, so each is kept. */
const known = memory.data(WORD_MAP_BYTES);

/** Starts the name of a series of a metric; labels are appended to it. Names are not nested. */
export function startName(metric: Metric): Writer {
  return writeMetricName(changetype<Writer>(nameWriter).init(nameBuffer, NAME_CAPACITY), metric).byte(0x2e);
}

/** Stands for "no room for this series, ever". `NO_METRIC` stands for a failure that may pass. */
export const NO_ROOM: u32 = 0xfffffffe;

/**
 * The id of the series whose name was just written, defined and claimed in the ledger when it is new to this VM.
 * Without one: `NO_ROOM` or `NO_METRIC`.
 */
export function seriesId(metric: Metric, name: Writer, maxSeries: u32): u32 {
  // A metric without labels has no dot at its end.
  if (load<u8>(name.ptr + name.len - 1) == 0x2e) name.len -= 1;
  if (name.full) return NO_ROOM;
  const map = changetype<WordMap>(known);
  const hash = max<u64>(sipHash(key0, key1, name.ptr, name.len), 1);
  const found = map.find(hash);
  if (found != 0) return found - 1;
  const claim = claimSeries(name.ptr, name.len, seriesWeight(metric), maxSeries);
  if (claim != Claim.Granted) return claim == Claim.Full ? NO_ROOM : NO_METRIC;
  const id = defineMetric(metricKind(metric), name.ptr, name.len);
  if (id == NO_METRIC) {
    noteFailure(Failure.Metrics);
    return NO_METRIC;
  }
  map.put(hash, id + 1);
  return id;
}

/** Claims room for the series whose name was just written without defining it. */
export function reserveName(metric: Metric, name: Writer, maxSeries: u32): bool {
  if (load<u8>(name.ptr + name.len - 1) == 0x2e) name.len -= 1;
  return !name.full && claimSeries(name.ptr, name.len, seriesWeight(metric), maxSeries) == Claim.Granted;
}

/** Whether `seriesId` has returned a metric. */
// @ts-ignore: decorator
@inline
export function isMetric(id: u32): bool {
  return id < NO_ROOM;
}
