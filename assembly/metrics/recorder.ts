import { PART_OPERATION, PART_RESULT, Plan } from "../config/plan";
import { addToCounter } from "../host/metrics";
import { Status } from "../host/status";
import { Arena } from "../memory/arena";
import { Range } from "../text/bytes";
import { Writer, WRITER_BYTES } from "../text/writer";
import { FIRST_VALUE, NONE, OTHER } from "../trading/ids";
import { Failure, Metric, RESULTS } from "./catalog";
import { DIMENSIONS_AT, Family, OPERATION_AT, RESULT_AT, createFamily } from "./family";
import { noteFailure } from "./failures";
import { syncPlaces, syncSomePlaces } from "./places";
import { ROW_DEFINED, ROW_REFUSED, Row } from "./series";
import { Timings, createTimings } from "./timings";
import { Vocabulary, createVocabulary, vocabularyOf } from "./vocabulary";

const scratch = memory.data(64);
const ids = memory.data(32);
const nameRange = memory.data(8);
const writer = memory.data(WRITER_BYTES);
/** Names an undeclared operation may bring in by the header, where `operations` is not configured. */
const LEARNED_OPERATIONS: u32 = 32;
const MAX_PLACES: u32 = 4096;

/** What one configuration counts: the vocabularies of its labels and its two metrics with request labels. */
@unmanaged
export class Recorder {
  plan: Plan;
  /** Table of `Vocabulary`: the operation's, then the dimensions'. */
  vocabularies: usize;
  requests: Family;
  durations: Family;
  timings: Timings;

  /** Vocabulary 0 is the operation's, `1 + i` that of dimension `i`. */
  vocabularyAt(index: u32): Vocabulary {
    return changetype<Vocabulary>(load<usize>(this.vocabularies + ((<usize>index) << 2)));
  }

  get vocabularyCount(): u32 {
    return 1 + this.plan.dimensionCount;
  }

  /** Counts one request; written to the host at the next flush. */
  countRequest(requestIds: usize): void {
    const row = this.requests.rowOf(requestIds);
    if (changetype<usize>(row) != 0) this.requests.rows.add(row);
  }

  /** Records the duration of one request in microseconds. */
  recordDuration(requestIds: usize, micros: u64): void {
    if (!this.durations.record(requestIds, micros)) noteFailure(Failure.Metrics);
  }

  /** Writes what was counted since the last time to the host. */
  flush(): void {
    let row = this.requests.rows.takePending();
    while (changetype<usize>(row) != 0) {
      const next = changetype<Row>(row.next);
      if (this.flushRow(row)) row.pending = 0;
      else this.requests.rows.link(row);
      row = next;
    }
  }

  /** Writes a row's count to its series, or to the nearest coarser one with room. False: the host refused it. */
  private flushRow(row: Row): bool {
    let target = row;
    if (!this.requests.define(row)) {
      target = this.requests.coarser(row);
      if (row.state == ROW_REFUSED) this.requests.overflow += row.pending;
    }
    if (changetype<usize>(target) != 0 && target.state != ROW_DEFINED) return false;
    if (changetype<usize>(target) == 0 || addToCounter(target.metric, row.pending) == Status.Ok) return true;
    noteFailure(Failure.Metrics);
    return false;
  }

  /** Takes over the label values that other workers have admitted. */
  sync(): void {
    for (let i: u32 = 0; i < this.vocabularyCount; i++) {
      const vocabulary = this.vocabularyAt(i);
      if (vocabulary.learns) syncSomePlaces(vocabulary);
    }
  }

  /**
   * Claims room for what must never be crowded out: every operation with every result, for each value of an
   * allow-list by itself and for none of them. Allow-lists get at most half of `maxSeries`.
   * Returns how many label sets found no room.
   */
  reserve(): u32 {
    memory.fill(ids, 0, 32);
    for (let i: u32 = 0; i < this.plan.dimensionCount; i++)
      store<u16>(ids + DIMENSIONS_AT + ((<usize>i) << 1), OTHER);
    let missing = this.reserveOperations() + this.timings.reserve();
    let claimed: u32 = 0;
    for (let i: u32 = 0; i < this.plan.dimensionCount; i++) {
      const vocabulary = this.vocabularyAt(i + 1);
      if (vocabulary.learns) continue;
      const at = ids + DIMENSIONS_AT + ((<usize>i) << 1);
      for (let value: u32 = 0; value < vocabulary.count; value++) {
        const size = RESULTS * this.reservedOperations;
        const fits = claimed + size <= this.plan.maxSeries / 2;
        store<u16>(at, <u16>(value + FIRST_VALUE));
        missing += fits ? this.reserveOperations() : size;
        claimed += fits ? size : 0;
      }
      store<u16>(at, OTHER);
    }
    return missing;
  }

  /** Operations that keep room: the declared ones and `other`, or `none` and `other` where names are learned. */
  private get reservedOperations(): u32 {
    const operations = this.vocabularyAt(0);
    return operations.learns ? FIRST_VALUE : operations.count + 1;
  }

  /** Every operation with every result, at the dimension values in `ids`. */
  private reserveOperations(): u32 {
    let missing: u32 = 0;
    const first = this.vocabularyAt(0).learns ? NONE : OTHER;
    for (let operation = first; operation < first + this.reservedOperations; operation++) {
      store<u16>(ids + OPERATION_AT, <u16>operation);
      missing += this.requests.reserveResults(ids, RESULTS);
    }
    for (let operation = first; operation < first + this.reservedOperations; operation++) {
      store<u16>(ids + OPERATION_AT, <u16>operation);
      missing += this.durations.reserveResults(ids, RESULTS);
    }
    return missing;
  }
}

/** Builds the recorder of a plan and takes over the label values this process has admitted. Address 0: no memory. */
export function createRecorder(arena: Arena, plan: Plan): Recorder {
  const none = changetype<Recorder>(0);
  const at = arena.alloc(offsetof<Recorder>());
  const table = arena.alloc((<usize>plan.dimensionCount + 1) << 2);
  if (at == 0 || table == 0) return none;
  const recorder = changetype<Recorder>(at);
  recorder.plan = plan;
  recorder.vocabularies = table;
  const operations = operationVocabulary(arena, plan);
  if (changetype<usize>(operations) == 0) return none;
  store<usize>(table, changetype<usize>(operations));
  for (let i: u32 = 0; i < plan.dimensionCount; i++) {
    const vocabulary = vocabularyOf(arena, plan.dimensionAt(i), scratch);
    if (changetype<usize>(vocabulary) == 0) return none;
    store<usize>(table + ((<usize>i + 1) << 2), changetype<usize>(vocabulary));
  }
  for (let i: u32 = 0; i < recorder.vocabularyCount; i++) {
    const vocabulary = recorder.vocabularyAt(i);
    if (vocabulary.learns) syncPlaces(vocabulary, MAX_PLACES);
  }
  return createFamilies(arena, recorder) ? recorder : none;
}

function createFamilies(arena: Arena, recorder: Recorder): bool {
  const plan = recorder.plan;
  const parts = arena.alloc(<usize>plan.dimensionCount + 2);
  if (parts == 0) return false;
  for (let i: u32 = 0; i < plan.dimensionCount; i++) store<u8>(parts + i, <u8>i);
  store<u8>(parts + plan.dimensionCount, PART_OPERATION);
  store<u8>(parts + plan.dimensionCount + 1, PART_RESULT);
  // Rows without room stay in the table, so it has more places than there are series.
  const maxRows = plan.maxSeries + 1024;
  recorder.requests = createFamily(arena, Metric.Requests, parts, plan.dimensionCount + 2, maxRows);
  recorder.durations = createFamily(
    arena,
    Metric.RequestDuration,
    plan.durationLabels,
    plan.durationLabelCount,
    maxRows,
  );
  if (changetype<usize>(recorder.requests) == 0 || changetype<usize>(recorder.durations) == 0) return false;
  recorder.timings = createTimings(arena, plan);
  if (changetype<usize>(recorder.timings) == 0) return false;
  attach(recorder, recorder.requests);
  attach(recorder, recorder.durations);
  attach(recorder, recorder.timings.lags);
  return true;
}

function attach(recorder: Recorder, family: Family): void {
  family.vocabularies = recorder.vocabularies;
  family.maxSeries = recorder.plan.maxSeries;
}

function operationVocabulary(arena: Arena, plan: Plan): Vocabulary {
  const learns = !plan.operationsConfigured;
  const vocabulary = createVocabulary(arena, learns ? LEARNED_OPERATIONS : max<u32>(plan.operationCount, 1));
  if (changetype<usize>(vocabulary) == 0) return vocabulary;
  vocabulary.label = arena.alloc(9);
  if (vocabulary.label == 0) return changetype<Vocabulary>(0);
  vocabulary.labelLength = 9;
  changetype<Writer>(writer).init(vocabulary.label, 9).ascii("operation");
  vocabulary.learns = learns;
  vocabulary.newValuesPerMinute = 60;
  for (let i: u32 = 0; i < plan.operationCount; i++) {
    const operation = plan.operationAt(i);
    const name = changetype<Range>(nameRange);
    name.set(operation.name, operation.nameLength);
    if (!vocabulary.allow(name, scratch)) return changetype<Vocabulary>(0);
  }
  return vocabulary;
}
