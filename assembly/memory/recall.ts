import { Arena } from "./arena";

/** Longest byte string that is remembered. */
const MAX_BYTES: u32 = 32;
const K: u64 = 0x9e3779b97f4a7c15;

/** What `Recall.find` says of bytes that are not remembered. */
export const NOT_RECALLED: u32 = 0xffffffff;

/** Together with `len`, the four words are all bytes of a string of up to 32: its ends, and what is next to them. */
@unmanaged
class Entry {
  first: u64;
  last: u64;
  second: u64;
  secondLast: u64;
  context: u64;
  len: u32;
  value: u32;
}

const ENTRY_BYTES: usize = 48;

/**
 * Remembers what short byte strings came to, as they were spelled by callers: one place for each hash, the latest
 * takes it. It can only save work: an entry is compared whole, and a string without one says nothing.
 */
@unmanaged
export class Recall {
  table: usize;
  /** 64 less the bits of an index. */
  shift: u32;

  /** The number kept for these bytes in this context, or `NOT_RECALLED`. */
  find(context: u64, ptr: usize, len: u32): u32 {
    if (len - 1 >= MAX_BYTES) return NOT_RECALLED;
    const first = firstWord(ptr, len);
    const last = lastWord(ptr, len);
    const entry = this.entryOf(context, first, last);
    if (entry.first != first || entry.last != last || entry.len != len || entry.context != context)
      return NOT_RECALLED;
    if (len > 16 && (entry.second != load<u64>(ptr, 8) || entry.secondLast != load<u64>(ptr + len - 16)))
      return NOT_RECALLED;
    return entry.value;
  }

  /** Keeps a number for these bytes, in place of whatever shares theirs; strings that are too long are let go. */
  keep(context: u64, ptr: usize, len: u32, value: u32): void {
    if (len - 1 >= MAX_BYTES) return;
    const first = firstWord(ptr, len);
    const last = lastWord(ptr, len);
    const entry = this.entryOf(context, first, last);
    entry.first = first;
    entry.last = last;
    entry.second = len > 16 ? load<u64>(ptr, 8) : 0;
    entry.secondLast = len > 16 ? load<u64>(ptr + len - 16) : 0;
    entry.context = context;
    entry.len = len;
    entry.value = value;
  }

  private entryOf(context: u64, first: u64, last: u64): Entry {
    const hash = ((first ^ context) * K + last) * K;
    return changetype<Entry>(this.table + <usize>(hash >> this.shift) * ENTRY_BYTES);
  }
}

// @ts-ignore: decorator
@inline
function firstWord(ptr: usize, len: u32): u64 {
  return len < 8 ? shortWord(ptr, len) : load<u64>(ptr);
}

// @ts-ignore: decorator
@inline
function lastWord(ptr: usize, len: u32): u64 {
  return len < 8 ? 0 : load<u64>(ptr + len - 8);
}

/** All bytes of 1 to 7 in one word: among strings of one length no two have the same. */
// @ts-ignore: decorator
@inline
export function shortWord(ptr: usize, len: u32): u64 {
  if (len >= 4) return ((<u64>load<u32>(ptr)) << 32) | load<u32>(ptr + len - 4);
  return ((<u64>load<u8>(ptr)) << 16) | ((<u64>load<u8>(ptr + (len >> 1))) << 8) | load<u8>(ptr + len - 1);
}

/** A context made of 1 to 7 bytes, the only one of theirs; never 0. */
export function contextOf(ptr: usize, len: u32): u64 {
  let word = <u64>len;
  for (let i: u32 = 0; i < len; i++) word = (word << 8) | load<u8>(ptr + i);
  return word;
}

/** Makes an empty memory of at least `places`, between 16 and 1,024; address 0 when the arena is full. */
export function createRecall(arena: Arena, places: u32): Recall {
  const bits = max<u32>(4, min<u32>(10, 32 - clz<u32>(max<u32>(places, 2) - 1)));
  const at = arena.alloc(offsetof<Recall>());
  const table = at == 0 ? <usize>0 : arena.alloc(((<usize>1) << bits) * ENTRY_BYTES);
  if (table == 0) return changetype<Recall>(0);
  const recall = changetype<Recall>(at);
  recall.table = table;
  recall.shift = 64 - bits;
  return recall;
}
