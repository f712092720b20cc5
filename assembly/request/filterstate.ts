import { Plan } from "../config/plan";
import { writeFilterState } from "../host/properties";
import { Status } from "../host/status";
import { Arena } from "../memory/arena";
import { sipHash } from "../memory/siphash";
import { Failure, Result, writeResult } from "../metrics/catalog";
import { OPERATION_AT } from "../metrics/family";
import { noteFailure } from "../metrics/failures";
import { Recorder } from "../metrics/recorder";
import { RANGE_BYTES, Range, rangeAt } from "../text/bytes";
import { Writer, WRITER_BYTES } from "../text/writer";

// Filter state `wasm.trading_*` for access logs, span tags and Istio's own metrics.

const value = memory.data(8);
const textBuffer = memory.data(64);
const textWriter = memory.data(WRITER_BYTES);
const namesBuffer = memory.data(1088);
/** Spells `trading_<label>` for every vocabulary of the recorder. Address 0: no memory. */
export function stateNames(arena: Arena, recorder: Recorder): usize {
  const count = recorder.vocabularyCount;
  const table = arena.alloc(<usize>count * RANGE_BYTES);
  if (table == 0) return 0;
  for (let i: u32 = 0; i < count; i++) {
    const vocabulary = recorder.vocabularyAt(i);
    const length = vocabulary.labelLength + 8;
    const at = arena.alloc(length);
    if (at == 0) return 0;
    changetype<Writer>(textWriter)
      .init(at, length)
      .ascii("trading_")
      .bytes(vocabulary.label, vocabulary.labelLength);
    rangeAt(table, i).set(at, length);
  }
  return table;
}

/** Publishes the operation and the dimensions of a request, normalised and capped. */
export function writeRequestState(recorder: Recorder, names: usize, ids: usize): void {
  const text = changetype<Range>(value);
  for (let i: u32 = 0, n = recorder.vocabularyCount; i < n; i++) {
    recorder.vocabularyAt(i).textOf(load<u16>(ids + OPERATION_AT + ((<usize>i) << 1)), text);
    const name = rangeAt(names, i);
    write(name.ptr, name.len, text.ptr, text.len);
  }
}

/** Publishes a hash of the user's id under the operator's key: the same in every pod, and no way back. */
export function writeUser(key0: u64, key1: u64, user: usize, length: u32): void {
  const text = changetype<Writer>(textWriter)
    .init(textBuffer, 64)
    .hex(sipHash(key0, key1, user, length), 16);
  write("trading_user", 12, text.ptr, text.len);
}

/** Publishes what became of a request. */
export function writeVerdict(result: Result): void {
  const text = writeResult(changetype<Writer>(textWriter).init(textBuffer, 64), result);
  write("trading_verdict", 15, text.ptr, text.len);
}

/** Publishes the names of the budgets in `broken` (bit `i`: budget `i`), separated by commas. */
export function writeBrokenBudgets(plan: Plan, broken: u32): void {
  const text = changetype<Writer>(textWriter).init(namesBuffer, 1088);
  for (let i: u32 = 0; i < plan.budgetCount; i++) {
    if (((broken >> i) & 1) == 0) continue;
    if (text.len != 0) text.byte(0x2c);
    const budget = plan.budgetAt(i);
    text.bytes(budget.name, budget.nameLength);
  }
  write("trading_budget", 14, text.ptr, text.len);
}

function write(name: usize, nameLength: u32, text: usize, length: u32): void {
  if (writeFilterState(name, nameLength, text, length) != Status.Ok) noteFailure(Failure.Properties);
}
