import { ABSENT } from "../memory/byteindex";
import { hashBytes } from "../memory/hash";
import { NOT_RECALLED, contextOf } from "../memory/recall";
import { OPERATION_AT } from "../metrics/family";
import { MAX_LABEL_BYTES } from "../metrics/labels";
import { admitValue, syncSomePlaces } from "../metrics/places";
import { Vocabulary } from "../metrics/vocabulary";
import { Plugin } from "../plugin";
import { HeaderValue } from "../trading/headers";
import { NONE, OTHER } from "../trading/ids";
import { operationByHeader, operationByRule } from "../trading/operation";
import { NO_PATH, normalisePath } from "../trading/path";

/** Values of this request that have no place yet: 64 bytes and a length for each vocabulary of the recorder. */
const waitingText = memory.data(640);
const waitingLength = memory.data(40);
/** Bit of every vocabulary with such a value. */
let waiting: u32 = 0;

/** Turns the scanned headers of a request into label ids. A value without a place is `other` until `admitWaiting`. */
export function classify(plugin: Plugin, trusted: bool, ids: usize): void {
  const recorder = plugin.recorder;
  waiting = 0;
  store<u16>(ids + OPERATION_AT, <u16>operationId(plugin, trusted));
  for (let i: u32 = 1, n = recorder.vocabularyCount; i < n; i++) {
    const vocabulary = recorder.vocabularyAt(i);
    const header = plugin.request.value(vocabulary.header);
    let id = header.copies == 1 ? vocabulary.spellings.find(0, header.ptr, header.len) : NOT_RECALLED;
    if (id == NOT_RECALLED) id = valueId(vocabulary, i, header);
    store<u16>(ids + OPERATION_AT + ((<usize>i) << 1), <u16>id);
  }
}

function operationId(plugin: Plugin, trusted: bool): u32 {
  const plan = plugin.plan;
  if (plugin.hasRules) {
    const id = operationByPath(plugin);
    if (id == NO_PATH) return OTHER;
    if (id != OTHER) return id;
  }
  const header = plugin.request.value(plan.operationHeader);
  if (header.copies == 0) return plan.operationsConfigured ? OTHER : NONE;
  if (!trusted) return OTHER;
  return plan.operationsConfigured
    ? operationByHeader(plan, header)
    : valueId(plugin.recorder.vocabularyAt(0), 0, header);
}

/** The operation whose rule method and path match, `OTHER`, or `NO_PATH` for a path that may have no operation. */
function operationByPath(plugin: Plugin): u32 {
  const method = plugin.request.value(plugin.method);
  const path = plugin.request.value(plugin.path);
  const context = method.len - 1 < 7 ? contextOf(method.ptr, method.len) : 0;
  const known = context == 0 ? NOT_RECALLED : plugin.paths.find(context, path.ptr, path.len);
  if (known != NOT_RECALLED) return known;
  const length = normalisePath(path.ptr, path.len);
  if (length == NO_PATH) return NO_PATH;
  const id = operationByRule(plugin.plan, method, path.ptr, length);
  if (context != 0 && length == path.len) plugin.paths.keep(context, path.ptr, length, id);
  return id;
}

/** Id of a value that was not spelled like this lately. */
function valueId(vocabulary: Vocabulary, index: u32, header: HeaderValue): u32 {
  if (header.copies > 1) return OTHER;
  if (header.copies == 0 || header.len == 0) return NONE;
  if (!vocabulary.learns && header.len > MAX_LABEL_BYTES) return OTHER;
  const text = waitingText + <usize>(index * MAX_LABEL_BYTES);
  const length = vocabulary.normalise(header.ptr, header.len, text);
  const id = vocabulary.find(hashBytes(text, length), text, length);
  if (id != ABSENT) {
    vocabulary.spellings.keep(0, header.ptr, header.len, id);
    return id;
  }
  if (!vocabulary.learns) return OTHER;
  waiting |= 1 << index;
  store<u32>(waitingLength + ((<usize>index) << 2), length);
  return OTHER;
}

/**
 * Gives the waiting values of labels with buckets of their own the places they have or now earn: all workers charge
 * the same bucket.
 */
export function placeCharged(plugin: Plugin, ids: usize, now: u64): void {
  const charged = waiting & plugin.chargedLabels;
  if (charged == 0) return;
  for (let left = charged; left != 0; left &= left - 1)
    syncSomePlaces(plugin.recorder.vocabularyAt(ctz<u32>(left)));
  admitWaiting(plugin, ids, now, charged);
}

/** Every label, for `admitWaiting`. */
export const ALL_LABELS: u32 = 0xffffffff;

/** Lets the values that wait earn a place, those of some labels (by bit). `now` is monotonic. */
export function admitWaiting(plugin: Plugin, ids: usize, now: u64, labels: u32): void {
  for (let left = waiting & labels; left != 0; left &= left - 1) {
    const i = ctz<u32>(left);
    waiting &= ~(1 << i);
    const length = load<u32>(waitingLength + ((<usize>i) << 2));
    const vocabulary = plugin.recorder.vocabularyAt(i);
    const id = admitValue(vocabulary, waitingText + <usize>(i * MAX_LABEL_BYTES), length, now);
    if (id == OTHER) vocabulary.overflow += 1;
    store<u16>(ids + OPERATION_AT + ((<usize>i) << 1), <u16>id);
  }
}
