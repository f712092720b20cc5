import { PART_OPERATION, PART_RESULT } from "../config/plan";
import { recordValue } from "../host/metrics";
import { Status } from "../host/status";
import { Arena } from "../memory/arena";
import { Range } from "../text/bytes";
import { Writer } from "../text/writer";
import { FIRST_VALUE, OTHER } from "../trading/ids";
import { Metric, writeResult } from "./catalog";
import { writeLabel } from "./labels";
import { NO_ROOM, isMetric, reserveName, seriesId, startName } from "./registry";
import { KEY_BYTES, ROW_DEFINED, ROW_NEW, ROW_REFUSED, Row, Rows, createRows } from "./series";
import { Vocabulary } from "./vocabulary";

const text = memory.data(8);
const coarse = memory.data(KEY_BYTES);

/** Ids of one request's label values: u16 each, result, operation, then the dimensions: `KEY_BYTES`. */
export const RESULT_AT: usize = 0;
export const OPERATION_AT: usize = 2;
export const DIMENSIONS_AT: usize = 4;

/** How much of a label set is given up when there is no room for its series. */
const LISTED: u32 = 1;
const ONE_LISTED: u32 = 2;
const NO_DIMENSIONS: u32 = 3;
const NO_OPERATION: u32 = 4;

/** One metric whose labels come from the request: its label sets, and what they were worth so far. */
@unmanaged
export class Family {
  rows: Rows;
  /** Table of bytes: `PART_OPERATION`, `PART_RESULT` or dimension indexes, in the order of the labels. */
  parts: usize;
  partCount: u32;
  /** All ones where the ids of a request are labels of this metric. */
  private mask0: u64;
  private mask1: u64;
  private mask2: u64;
  /** Table of `Vocabulary`: the operation's, then the dimensions'. */
  vocabularies: usize;
  maxSeries: u32;
  /** Requests whose label set had no room, since the last flush. */
  overflow: u64;
  metric: Metric;

  /** The row of a request's label set; with no place left for it, the nearest coarser one. Address 0: none at all. */
  rowOf(ids: usize): Row {
    const row = this.rowAt(ids);
    if (changetype<usize>(row) != 0 && row.state != ROW_REFUSED) return row;
    this.overflow += 1;
    for (let level = LISTED; level <= NO_OPERATION; level++) {
      this.coarsen(ids, level);
      const coarser = this.rowAt(coarse);
      if (changetype<usize>(coarser) != 0 && coarser.state != ROW_REFUSED) return coarser;
    }
    return changetype<Row>(0);
  }

  private rowAt(ids: usize): Row {
    return this.rows.at(
      load<u64>(ids) & this.mask0,
      load<u64>(ids, 8) & this.mask1,
      load<u64>(ids, 16) & this.mask2,
    );
  }

  /** Defines the row's series if that is still to do. False: it is refused for good, or (`ROW_NEW`) failed this time. */
  define(row: Row): bool {
    if (row.state == ROW_NEW) {
      const id = seriesId(this.metric, this.writeName(changetype<usize>(row)), this.roomFor(row));
      row.metric = id;
      if (isMetric(id)) row.state = ROW_DEFINED;
      else if (id == NO_ROOM) row.state = ROW_REFUSED;
    }
    return row.state == ROW_DEFINED;
  }

  /** A quarter of the ledger is kept for what later configurations reserve, and for the coarsest label set of all. */
  private roomFor(row: Row): u32 {
    const key = changetype<usize>(row);
    this.coarsen(key, NO_OPERATION);
    const coarsest =
      load<u64>(key) == load<u64>(coarse) &&
      load<u64>(key, 8) == load<u64>(coarse, 8) &&
      load<u64>(key, 16) == load<u64>(coarse, 16);
    return coarsest ? this.maxSeries : this.maxSeries - this.maxSeries / 4;
  }

  /**
   * The row that an undefined one counts for: the nearest coarser one with room; itself when its definition failed
   * but may succeed another time; address 0 when even the coarsest has no room.
   */
  coarser(row: Row): Row {
    if (row.state == ROW_NEW) return row;
    for (let level = LISTED; level <= NO_OPERATION; level++) {
      this.coarsen(changetype<usize>(row), level);
      const candidate = this.rowAt(coarse);
      if (changetype<usize>(candidate) == 0) continue;
      if (this.define(candidate) || candidate.state == ROW_NEW) return candidate;
    }
    return changetype<Row>(0);
  }

  /** Sets the mask by the parts. */
  chooseIds(): void {
    const mask = changetype<usize>(this) + offsetof<Family>("mask0");
    for (let i: u32 = 0; i < this.partCount; i++)
      store<u16>(mask + offsetOf(load<u8>(this.parts + i)), 0xffff);
  }

  /** Adds one value to the histogram of a request's label set. False: the host refused it. */
  record(ids: usize, value: u64): bool {
    let row = this.rowOf(ids);
    if (changetype<usize>(row) != 0 && !this.define(row)) row = this.coarser(row);
    if (changetype<usize>(row) == 0) return true;
    return row.state == ROW_DEFINED && recordValue(row.metric, value) == Status.Ok;
  }

  /** Claims room for a label set. */
  reserve(ids: usize): bool {
    const row = this.rowAt(ids);
    const key = changetype<usize>(row) == 0 ? ids : changetype<usize>(row);
    return reserveName(this.metric, this.writeName(key), this.maxSeries);
  }

  /** Claims room for a label set with each of `results`, or for itself where the result is no label. Returns how many found none. */
  reserveResults(ids: usize, results: u32): u32 {
    let missing: u32 = 0;
    const last: u32 = <u16>this.mask0 == 0 ? 1 : results;
    for (let result: u32 = 0; result != last; result++) {
      store<u16>(ids + RESULT_AT, <u16>result);
      if (!this.reserve(ids)) missing += 1;
    }
    return missing;
  }

  /** Writes the ids that a label set has at a level of coarseness to `coarse`. */
  private coarsen(ids: usize, level: u32): void {
    memory.copy(coarse, ids, KEY_BYTES);
    let kept = false;
    for (let i: u32 = 0; i < this.partCount; i++) {
      const part = load<u8>(this.parts + i);
      const at = coarse + offsetOf(part);
      if (part == PART_RESULT) continue;
      if (part == PART_OPERATION) {
        if (level == NO_OPERATION) store<u16>(at, OTHER);
        continue;
      }
      const learned = this.vocabularyAt(<u32>part + 1).learns;
      if (level >= NO_DIMENSIONS || learned || (level == ONE_LISTED && kept)) store<u16>(at, OTHER);
      kept = kept || load<u16>(at) >= <u16>FIRST_VALUE;
    }
  }

  private writeName(from: usize): Writer {
    const name = startName(this.metric);
    const value = changetype<Range>(text);
    for (let i: u32 = 0; i < this.partCount; i++) {
      const part = load<u8>(this.parts + i);
      const id = <u32>load<u16>(from + offsetOf(part));
      if (part == PART_RESULT) writeResult(name.ascii("result=.="), id).ascii(";.;");
      else {
        const vocabulary = this.vocabularyAt(part == PART_OPERATION ? 0 : <u32>part + 1);
        vocabulary.textOf(id, value);
        writeLabel(name, vocabulary.label, vocabulary.labelLength, value.ptr, value.len);
      }
    }
    return name;
  }

  private vocabularyAt(index: u32): Vocabulary {
    return changetype<Vocabulary>(load<usize>(this.vocabularies + ((<usize>index) << 2)));
  }
}

/** Where the id of a part lies among the ids of a request. */
function offsetOf(part: u8): usize {
  if (part == PART_RESULT) return RESULT_AT;
  return part == PART_OPERATION ? OPERATION_AT : DIMENSIONS_AT + ((<usize>part) << 1);
}

/** Makes a family with room for `maxRows` label sets; address 0 when the arena is full. */
export function createFamily(
  arena: Arena,
  metric: Metric,
  parts: usize,
  partCount: u32,
  maxRows: u32,
): Family {
  const at = arena.alloc(offsetof<Family>());
  const rows = createRows(arena, maxRows);
  if (at == 0 || changetype<usize>(rows) == 0) return changetype<Family>(0);
  const family = changetype<Family>(at);
  family.rows = rows;
  family.metric = metric;
  family.parts = parts;
  family.partCount = partCount;
  family.chooseIds();
  return family;
}
