import { Range, rangeAt, sameBytes } from "../text/bytes";

/** Twice the most entries of a set, a power of two. */
const SLOTS: u32 = 2048;

/** Bytes of the slots of a `NameSet`. */
export const SLOTS_BYTES: usize = (<usize>SLOTS) << 1;

/** A set of texts in a table of ranges, found by their hash: lists of a thousand values stay linear. */
@unmanaged
export class NameSet {
  /** Table of `Range`. */
  entries: usize;
  count: u32;
  /** Of every hash: index of its entry plus one. */
  private slots: usize;

  /** Gives the set its room: `SLOTS_BYTES` of slots and the table. */
  init(slots: usize, entries: usize): void {
    this.slots = slots;
    this.entries = entries;
    this.clear();
  }

  clear(): void {
    this.count = 0;
    memory.fill(this.slots, 0, SLOTS_BYTES);
  }

  /** Adds a text, which must outlive the set. Returns the index of an equal one that is there already, else -1. */
  add(ptr: usize, len: u32): i32 {
    const slot = this.find(ptr, len);
    const taken = load<u16>(slot);
    if (taken != 0) return taken - 1;
    rangeAt(this.entries, this.count).set(ptr, len);
    this.count += 1;
    store<u16>(slot, <u16>this.count);
    return -1;
  }

  has(ptr: usize, len: u32): bool {
    return load<u16>(this.find(ptr, len)) != 0;
  }

  /** The slot of the text, or the free one where it belongs. */
  private find(ptr: usize, len: u32): usize {
    let index = hash(ptr, len);
    let slot = this.slotAt(index);
    while (!this.ends(slot, ptr, len)) {
      index += 1;
      slot = this.slotAt(index);
    }
    return slot;
  }

  private slotAt(index: u32): usize {
    return this.slots + ((index & (SLOTS - 1)) << 1);
  }

  private ends(slot: usize, ptr: usize, len: u32): bool {
    const taken = load<u16>(slot);
    if (taken == 0) return true;
    const entry = rangeAt(this.entries, taken - 1);
    return sameBytes(entry.ptr, entry.len, ptr, len);
  }
}

/** Index of the entry whose `Range` lies `stride` bytes behind that of the one before, -1 when no name is equal. */
export function findName(names: usize, stride: usize, count: u32, ptr: usize, len: u32): i32 {
  for (let i: u32 = 0; i < count; i++) {
    const name = changetype<Range>(names + <usize>i * stride);
    if (sameBytes(name.ptr, name.len, ptr, len)) return <i32>i;
  }
  return -1;
}

/** FNV-1a, folded. */
function hash(ptr: usize, len: u32): u32 {
  let state: u32 = 0x811c9dc5;
  for (let i: u32 = 0; i < len; i++) state = (state ^ load<u8>(ptr + i)) * 0x01000193;
  return state ^ (state >> 15);
}
