import { Text, textLength } from "./literal";
/** A range of bytes somewhere in linear memory. */
@unmanaged
export class Range {
  ptr: usize;
  len: u32;

  set(ptr: usize, len: u32): void {
    this.ptr = ptr;
    this.len = len;
  }
}

/** Bytes of one `Range` in a table. */
export const RANGE_BYTES: usize = 8;

/** Entry `index` of a table of ranges. */
// @ts-ignore: decorator
@inline
export function rangeAt(table: usize, index: u32): Range {
  return changetype<Range>(table + <usize>index * RANGE_BYTES);
}

/**
 * Copies bytes that do not overlap: 8 at a time, the last ones twice. For texts as short as names and numbers
 * `memory.copy` costs more, a call into the engine.
 */
export function copyBytes(to: usize, from: usize, length: u32): void {
  if (length < 8) return copyShort(to, from, length);
  const last = length - 8;
  for (let at: u32 = 0; at < last; at += 8) store<u64>(to + at, load<u64>(from + at));
  store<u64>(to + last, load<u64>(from + last));
}

function copyShort(to: usize, from: usize, length: u32): void {
  if (length >= 4) {
    const end = load<u32>(from + length - 4);
    store<u32>(to, load<u32>(from));
    store<u32>(to + length - 4, end);
    return;
  }
  for (let at: u32 = 0; at < length; at++) store<u8>(to + at, load<u8>(from + at));
}

/** Whether two byte ranges are equal: 8 bytes at a time, the last ones overlapping. */
export function sameBytes(a: usize, aLength: u32, b: usize, bLength: u32): bool {
  if (aLength != bLength) return false;
  if (aLength < 8) return sameShort(a, b, aLength);
  const last = aLength - 8;
  for (let at: u32 = 0; at < last; at += 8) {
    if (load<u64>(a + at) != load<u64>(b + at)) return false;
  }
  return load<u64>(a + last) == load<u64>(b + last);
}

function sameShort(a: usize, b: usize, length: u32): bool {
  if (length >= 4) {
    return load<u32>(a) == load<u32>(b) && load<u32>(a + length - 4) == load<u32>(b + length - 4);
  }
  for (let at: u32 = 0; at < length; at++) {
    if (load<u8>(a + at) != load<u8>(b + at)) return false;
  }
  return true;
}

/** Whether the bytes spell the literal. */
export function spells(ptr: usize, len: u32, literal: Text): bool {
  return sameBytes(ptr, len, literal, textLength(literal));
}

/** Whether `suffix` ends `text`. */
export function endsWith(text: usize, length: u32, suffix: usize, suffixLength: u32): bool {
  return (
    suffixLength <= length && sameBytes(text + (length - suffixLength), suffixLength, suffix, suffixLength)
  );
}

/** ASCII upper case of one byte; other bytes are left alone. */
// @ts-ignore: decorator
@inline
export function upper(byte: u8): u8 {
  return byte - 0x61 < 26 ? byte - 0x20 : byte;
}

/** ASCII lower case of one byte; other bytes are left alone. */
// @ts-ignore: decorator
@inline
export function lower(byte: u8): u8 {
  return byte - 0x41 < 26 ? byte + 0x20 : byte;
}

/** Value of a hexadecimal digit, or 255. */
export function hexDigit(byte: u8): u8 {
  if (byte - 0x30 < 10) return byte - 0x30;
  const letter = lower(byte);
  return letter - 0x61 < 6 ? letter - 0x57 : 255;
}
