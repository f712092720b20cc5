import { ABSENT } from "../memory/byteindex";
import { hashBytes } from "../memory/hash";
import { DIMENSIONS_AT, OPERATION_AT } from "../metrics/family";
import { MAX_LABEL_BYTES } from "../metrics/labels";
import { admitValue } from "../metrics/places";
import { Plugin } from "../plugin";
import { HeaderValue } from "../trading/headers";
import { NONE, OTHER } from "../trading/ids";
import { operationByHeader, operationByRule } from "../trading/operation";
import { NO_PATH, normalisePath } from "../trading/path";

/** Values of this request that have no place yet: 64 bytes and a length for each vocabulary of the recorder. */
const waitingText = memory.data(640);
const waitingLength = memory.data(40);
const NOT_WAITING: u32 = 0xffffffff;

/** Turns the scanned headers of a request into label ids. A value without a place counts as `other` until `admitWaiting`. */
export function classify(plugin: Plugin, trusted: bool, ids: usize): void {
  const plan = plugin.plan;
  store<u32>(waitingLength, NOT_WAITING);
  store<u16>(ids + OPERATION_AT, <u16>operationId(plugin, trusted));
  for (let i: u32 = 0; i < plan.dimensionCount; i++) {
    const header = plugin.request.value(plan.dimensionAt(i).header);
    store<u16>(ids + DIMENSIONS_AT + ((<usize>i) << 1), <u16>valueId(plugin, i + 1, header));
  }
}

function operationId(plugin: Plugin, trusted: bool): u32 {
  const plan = plugin.plan;
  if (plugin.hasRules) {
    const path = plugin.request.value(plugin.path);
    const length = normalisePath(path.ptr, path.len);
    if (length == NO_PATH) return OTHER;
    const id = operationByRule(plan, plugin.request.value(plugin.method), path.ptr, length);
    if (id != OTHER) return id;
  }
  const header = plugin.request.value(plan.operationHeader);
  if (header.copies == 0) return plan.operationsConfigured ? OTHER : NONE;
  if (!trusted) return OTHER;
  return plan.operationsConfigured ? operationByHeader(plan, header) : valueId(plugin, 0, header);
}

function valueId(plugin: Plugin, index: u32, header: HeaderValue): u32 {
  const vocabulary = plugin.recorder.vocabularyAt(index);
  store<u32>(waitingLength + ((<usize>index) << 2), NOT_WAITING);
  if (header.copies > 1) return OTHER;
  if (header.copies == 0 || header.len == 0) return NONE;
  if (!vocabulary.learns && header.len > MAX_LABEL_BYTES) return OTHER;
  const text = waitingText + <usize>(index * MAX_LABEL_BYTES);
  const length = vocabulary.normalise(header.ptr, header.len, text);
  const id = vocabulary.find(hashBytes(text, length), text, length);
  if (id != ABSENT) return id;
  if (vocabulary.learns) store<u32>(waitingLength + ((<usize>index) << 2), length);
  return OTHER;
}

/** Lets the waiting values of a request that was not refused earn a place. `now` is monotonic. */
export function admitWaiting(plugin: Plugin, ids: usize, now: u64): void {
  const recorder = plugin.recorder;
  for (let i: u32 = 0, n = recorder.vocabularyCount; i < n; i++) {
    const length = load<u32>(waitingLength + ((<usize>i) << 2));
    if (length == NOT_WAITING) continue;
    const vocabulary = recorder.vocabularyAt(i);
    const id = admitValue(vocabulary, waitingText + <usize>(i * MAX_LABEL_BYTES), length, now);
    if (id == OTHER) vocabulary.overflow += 1;
    store<u16>(ids + OPERATION_AT + ((<usize>i) << 1), <u16>id);
  }
}
