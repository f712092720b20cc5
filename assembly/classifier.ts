import { Status } from "./host/status";
import { readProperty } from "./host/properties";
import { returnedBytes, returnedLength } from "./host/value";
import { ABSENT } from "./memory/byteindex";
import { hashBytes } from "./memory/siphash";
import { DIMENSIONS_AT, OPERATION_AT } from "./metrics/family";
import { MAX_LABEL_BYTES } from "./metrics/labels";
import { admitValue } from "./metrics/places";
import { Plugin } from "./plugin";
import { HeaderValue } from "./trading/headers";
import { NONE, OTHER } from "./trading/ids";
import { isTrusted } from "./trading/identity";
import { operationByHeader, operationByRule } from "./trading/operation";
import { normalisePath } from "./trading/path";

/** `connection NUL uri_san_peer_certificate` */
const peerPath = memory.data<u8>([
  0x63, 0x6f, 0x6e, 0x6e, 0x65, 0x63, 0x74, 0x69, 0x6f, 0x6e, 0, 0x75, 0x72, 0x69, 0x5f, 0x73, 0x61, 0x6e,
  0x5f, 0x70, 0x65, 0x65, 0x72, 0x5f, 0x63, 0x65, 0x72, 0x74, 0x69, 0x66, 0x69, 0x63, 0x61, 0x74, 0x65,
]);

/** Values of this request that have no place yet: 64 bytes and a length for each vocabulary of the recorder. */
const waitingText = memory.data(640);
const waitingLength = memory.data(40);
const NOT_WAITING: u32 = 0xffffffff;

/** Turns the scanned headers of a request into label ids. A value without a place counts as `other` until `admitWaiting`. */
export function classify(plugin: Plugin, ids: usize): void {
  const plan = plugin.plan;
  store<u32>(waitingLength, NOT_WAITING);
  store<u16>(ids + OPERATION_AT, <u16>operationId(plugin));
  for (let i: u32 = 0; i < plan.dimensionCount; i++) {
    const header = plugin.request.value(plan.dimensionAt(i).header);
    store<u16>(ids + DIMENSIONS_AT + ((<usize>i) << 1), <u16>valueId(plugin, i + 1, header));
  }
}

function operationId(plugin: Plugin): u32 {
  const plan = plugin.plan;
  if (plugin.hasRules) {
    const path = plugin.request.value(plugin.path);
    const length = normalisePath(path.ptr, path.len);
    const id = operationByRule(plan, plugin.request.value(plugin.method), path.ptr, length);
    if (id != OTHER) return id;
  }
  const header = plugin.request.value(plan.operationHeader);
  if (header.copies == 0) return plan.operationsConfigured ? OTHER : NONE;
  if (!peerIsTrusted(plugin)) return OTHER;
  return plan.operationsConfigured ? operationByHeader(plan, header) : valueId(plugin, 0, header);
}

function valueId(plugin: Plugin, index: u32, header: HeaderValue): u32 {
  const vocabulary = plugin.recorder.vocabularyAt(index);
  store<u32>(waitingLength + ((<usize>index) << 2), NOT_WAITING);
  if (header.copies == 0 || header.len == 0) return NONE;
  if (header.copies > 1) return OTHER;
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

/** Whether the peer of this request may say how it is treated. One property read, and none where anyone may. */
export function peerIsTrusted(plugin: Plugin): bool {
  if (plugin.plan.trustAll) return true;
  if (readProperty(peerPath, 35) != Status.Ok) return false;
  return isTrusted(plugin.plan, returnedBytes(), returnedLength());
}
