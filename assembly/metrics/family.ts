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

const key = memory.data(KEY_BYTES);
const text = memory.data(8);
const coarse = memory.data(32);

/** Ids of one request's label values: u16 each, result, operation, then the dimensions. */
export const RESULT_AT: usize = 0;
export const OPERATION_AT: usize = 2;
export const DIMENSIONS_AT: usize = 4;

/** How much of a label set is given up when there is no room for its series. */
const WHOLE: u32 = 0;
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
  /** Table of `Vocabulary`: the operation's, then the dimensions'. */
  vocabularies: usize;
  maxSeries: u32;
  /** Requests whose label set had no room, since the last flush. */
  overflow: u64;
  metric: Metric;

  /** The row of a request's label set; with no place left for it, the nearest coarser one. Address 0: none at all. */
  rowOf(ids: usize): Row {
    for (let level = WHOLE; level <= NO_OPERATION; level++) {
      this.writeKey(ids, level);
      const row = this.rows.at(key);
      if (changetype<usize>(row) != 0 && row.state != ROW_REFUSED) return row;
      if (level == WHOLE) this.overflow += 1;
    }
    return changetype<Row>(0);
  }

  /** Defines the row's series if that is still to do. False: it is refused for good, or (`ROW_NEW`) failed this time. */
  define(row: Row): bool {
    if (row.state == ROW_NEW) {
      const id = seriesId(this.metric, this.writeName(changetype<usize>(row)), learnedShare(this.maxSeries));
      row.metric = id;
      if (isMetric(id)) row.state = ROW_DEFINED;
      else if (id == NO_ROOM) row.state = ROW_REFUSED;
    }
    return row.state == ROW_DEFINED;
  }

  /**
   * The row that an undefined one counts for: the nearest coarser one with room; itself when its definition failed
   * but may succeed another time; address 0 when even the coarsest has no room. `ids`: 32 bytes to work in.
   */
  coarser(row: Row, ids: usize): Row {
    if (row.state == ROW_NEW) return row;
    this.readKey(row, ids);
    for (let level = LISTED; level <= NO_OPERATION; level++) {
      this.writeKey(ids, level);
      const candidate = this.rows.at(key);
      if (changetype<usize>(candidate) == 0) continue;
      if (this.define(candidate) || candidate.state == ROW_NEW) return candidate;
    }
    return changetype<Row>(0);
  }

  /** Adds one value to the histogram of a request's label set. False: the host refused it. */
  record(ids: usize, value: u64): bool {
    let row = this.rowOf(ids);
    if (changetype<usize>(row) != 0 && !this.define(row)) row = this.coarser(row, coarse);
    if (changetype<usize>(row) == 0) return true;
    return row.state == ROW_DEFINED && recordValue(row.metric, value) == Status.Ok;
  }

  /** Claims room for a label set. */
  reserve(ids: usize): bool {
    this.writeKey(ids, WHOLE);
    this.rows.at(key);
    return reserveName(this.metric, this.writeName(key), this.maxSeries);
  }

  private writeKey(ids: usize, level: u32): void {
    store<u64>(key, 0);
    store<u64>(key, 0, 8);
    store<u64>(key, 0, 16);
    let kept = false;
    for (let i: u32 = 0; i < this.partCount; i++) {
      const part = load<u8>(this.parts + i);
      let id = this.idAt(ids, part, level);
      if (level == ONE_LISTED && part < PART_OPERATION) {
        if (kept) id = OTHER;
        kept = kept || id >= FIRST_VALUE;
      }
      store<u16>(key + (i << 1), <u16>id);
    }
  }

  private idAt(ids: usize, part: u8, level: u32): u32 {
    if (part == PART_RESULT) return load<u16>(ids + RESULT_AT);
    if (part == PART_OPERATION) return level == NO_OPERATION ? OTHER : <u32>load<u16>(ids + OPERATION_AT);
    if (level >= NO_DIMENSIONS) return OTHER;
    if (level == LISTED && this.vocabularyAt(<u32>part + 1).learns) return OTHER;
    return load<u16>(ids + DIMENSIONS_AT + ((<usize>part) << 1));
  }

  /** Reverses `writeKey`. */
  private readKey(row: Row, ids: usize): void {
    const from = changetype<usize>(row);
    for (let i: u32 = 0; i < this.partCount; i++) {
      const part = load<u8>(this.parts + i);
      const id = load<u16>(from + (i << 1));
      if (part == PART_RESULT) store<u16>(ids + RESULT_AT, id);
      else if (part == PART_OPERATION) store<u16>(ids + OPERATION_AT, id);
      else store<u16>(ids + DIMENSIONS_AT + ((<usize>part) << 1), id);
    }
  }

  private writeName(from: usize): Writer {
    const name = startName(this.metric);
    const value = changetype<Range>(text);
    for (let i: u32 = 0; i < this.partCount; i++) {
      const part = load<u8>(this.parts + i);
      const id = <u32>load<u16>(from + (i << 1));
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

/** A quarter of the ledger is kept for what later configurations reserve. */
function learnedShare(maxSeries: u32): u32 {
  return maxSeries - maxSeries / 4;
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
  return family;
}
