import { CASE_KEEP, CASE_UPPER } from "../config/plan";
import { lower, upper } from "../text/bytes";
import { Writer } from "../text/writer";

/** Most bytes of a label value. */
export const MAX_LABEL_BYTES: u32 = 64;

/** One byte a byte: itself if a label value may hold it, else `_`. Filled by `initLabels`. */
const spelling = memory.data(256);

/** Fills the table of label bytes. Called once per VM. */
export function initLabels(): void {
  for (let i: u32 = 0; i < 256; i++) store<u8>(spelling + i, safe(<u8>i) ? <u8>i : 0x5f);
}

function safe(byte: u8): bool {
  return upper(byte) - 0x41 < 26 || byte - 0x30 < 10 || byte == 0x2d || byte == 0x5f;
}

/** Copies at most `MAX_LABEL_BYTES` of a value with its case folded. Returns the bytes written. */
export function foldCase(ptr: usize, len: u32, letterCase: u8, out: usize): u32 {
  const n = min(len, MAX_LABEL_BYTES);
  if (letterCase == CASE_KEEP) memory.copy(out, ptr, n);
  else if (letterCase == CASE_UPPER)
    for (let i: u32 = 0; i < n; i++) store<u8>(out + i, upper(load<u8>(ptr + i)));
  else for (let i: u32 = 0; i < n; i++) store<u8>(out + i, lower(load<u8>(ptr + i)));
  return n;
}

/** Replaces, in place, every byte that a label value may not hold. */
export function spellSafely(text: usize, len: u32): void {
  for (let i: u32 = 0; i < len; i++) store<u8>(text + i, load<u8>(spelling + load<u8>(text + i)));
}

/** Appends one label to a metric name: the form that the tag regexes of Envoy and Istio cut out again. */
export function writeLabel(
  name: Writer,
  label: usize,
  labelLength: u32,
  value: usize,
  valueLength: u32,
): void {
  name.bytes(label, labelLength).ascii("=.=").bytes(value, valueLength).ascii(";.;");
}
