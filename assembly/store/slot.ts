import { Wide } from "../policy/wide";
import { copyBytes } from "../text/bytes";
import { isFull } from "../policy/quota";

// The value of one slot, as it lies in shared data:
//   0  u32  format
//   4  u32  check: over everything behind it, see `checkOf`
//   8  u64  floor, low 64 bits
//   16 u32  floor, high 32 bits
//   20      entries, 24 bytes each: u64 tag, u64 TAT low, u32 TAT high, u32 second at which its user is active no more
// The high half of a tag is the user's (0: the bucket is no user's), the low half the bucket's.
// The floor is the latest TAT that ever left the slot: new entries begin there, so that nobody gains by eviction.

/** `TGQ1`: another number is another format. */
const FORMAT: u32 = 0x31514754;
const HEAD_BYTES: u32 = 20;
const ENTRY_BYTES: u32 = 24;
/** Entries of a slot. At the nominal load of half of them, 4 slots in 1,000 have more users than entries. */
export const SLOT_ENTRIES: u32 = 16;
/** Bytes of the largest value. */
export const MAX_SLOT_BYTES: u32 = 404;

/** What a value read from shared data turned out to be. */
export enum SlotValue {
  Ours,
  /** Not ours, of another format, or damaged: treated as empty. */
  Foreign,
}

/** One slot while a request looks at it: in the bytes that were read, or, once it needs more, in the room behind the fields. */
@unmanaged
export class Slot {
  index: u32;
  /** Number to swap with; meaningless while `exists` is false. */
  cas: u32;
  count: u32;
  evictions: u32;
  /** Address of the value, and how many entries it has room for. */
  value: usize;
  private capacity: u32;
  /** The tag that was looked for last and its entry or 0, while `sought`: until entries move. */
  private soughtEntry: usize;
  private soughtTag: u64;
  private sought: bool;
  exists: bool;
  changed: bool;

  private get room(): usize {
    return changetype<usize>(this) + SLOT_HEAD_BYTES;
  }

  get valueBytes(): u32 {
    return HEAD_BYTES + this.count * ENTRY_BYTES;
  }

  /** Starts with an empty value. */
  clear(index: u32): void {
    this.index = index;
    this.count = 0;
    this.evictions = 0;
    this.exists = false;
    this.changed = false;
    this.sought = false;
    const value = this.room;
    this.value = value;
    this.capacity = SLOT_ENTRIES;
    store<u32>(value, FORMAT);
    store<u64>(value, 0, 8);
    store<u32>(value, 0, 16);
  }

  /** Takes over a value that was read from shared data. It is changed in place. */
  read(value: usize, length: u32): SlotValue {
    if (length < HEAD_BYTES || length > MAX_SLOT_BYTES || load<u32>(value) != FORMAT)
      return SlotValue.Foreign;
    if ((length - HEAD_BYTES) % ENTRY_BYTES != 0 || load<u32>(value, 4) != checkOf(value, length))
      return SlotValue.Foreign;
    this.value = value;
    this.sought = false;
    this.count = (length - HEAD_BYTES) / ENTRY_BYTES;
    this.capacity = this.count;
    return SlotValue.Ours;
  }

  /** Completes the value before it is written. */
  seal(): void {
    store<u32>(this.value, checkOf(this.value, this.valueBytes), 4);
  }

  /** Whether there is an entry for a tag. */
  has(tag: u64): bool {
    return this.find(tag) != 0;
  }

  /** Reads the TAT kept for a tag into `tat`; for a tag without an entry that is the floor. */
  readTat(tag: u64, tat: Wide): void {
    const entry = this.find(tag);
    if (entry != 0) tat.set(load<u64>(entry, 8), load<u32>(entry, 16));
    else this.readFloor(tat);
  }

  /**
   * Keeps a TAT for a tag; its user counts as active until `activeUntil` (seconds of the monotonic clock).
   * A full slot drops what ends first: that is nobody's loss once it has expired.
   */
  writeTat(tag: u64, tat: Wide, nowNanos: u64, activeUntil: u32): void {
    this.changed = true;
    let entry = this.find(tag);
    if (entry == 0) {
      if (this.count == SLOT_ENTRIES) this.dropEarliest(nowNanos);
      entry = this.append();
      store<u64>(entry, tag);
      store<u32>(entry, 0, 20);
    }
    store<u64>(entry, tat.lo, 8);
    store<u32>(entry, <u32>tat.hi, 16);
    store<u32>(entry, max(load<u32>(entry, 20), activeUntil), 20);
  }

  /** Users of this slot that were charged within the window of the quota that charged them. */
  activeUsers(nowSeconds: u32): u32 {
    let users: u32 = 0;
    for (let i: u32 = 0; i < this.count; i++) {
      if (this.isActive(i, nowSeconds) && !this.countedBefore(i, nowSeconds)) users += 1;
    }
    return users;
  }

  private isActive(position: u32, nowSeconds: u32): bool {
    const entry = this.entryAt(position);
    return load<u32>(entry, 4) != 0 && load<u32>(entry, 20) > nowSeconds;
  }

  private countedBefore(position: u32, nowSeconds: u32): bool {
    const user = load<u32>(this.entryAt(position), 4);
    for (let i: u32 = 0; i < position; i++) {
      if (load<u32>(this.entryAt(i), 4) == user && this.isActive(i, nowSeconds)) return true;
    }
    return false;
  }

  private find(tag: u64): usize {
    if (this.sought && this.soughtTag == tag) return this.soughtEntry;
    const end = this.end;
    let entry = this.entryAt(0);
    while (entry != end && load<u64>(entry) != tag) entry += ENTRY_BYTES;
    this.sought = true;
    this.soughtTag = tag;
    this.soughtEntry = entry == end ? 0 : entry;
    return this.soughtEntry;
  }

  /** Bytes that were read have room for as many as were in them. */
  private append(): usize {
    this.sought = false;
    if (this.count == this.capacity) {
      memory.copy(this.room, this.value, this.valueBytes);
      this.value = this.room;
      this.capacity = SLOT_ENTRIES;
    }
    const entry = this.end;
    this.count += 1;
    return entry;
  }

  /** Exact where that bucket is full again, which is what a missing entry means; else an eviction. */
  private dropEarliest(nowNanos: u64): void {
    const end = this.end;
    let earliest = this.entryAt(0);
    let low = load<u64>(earliest, 8);
    let high = load<u32>(earliest, 16);
    for (let entry = earliest + ENTRY_BYTES; entry != end; entry += ENTRY_BYTES) {
      const entryHigh = load<u32>(entry, 16);
      if (entryHigh > high || (entryHigh == high && load<u64>(entry, 8) >= low)) continue;
      earliest = entry;
      low = load<u64>(entry, 8);
      high = entryHigh;
    }
    scratch.set(low, high);
    if (!isFull(scratch, nowNanos)) this.evictions += 1;
    this.remove(earliest);
  }

  private remove(entry: usize): void {
    this.sought = false;
    const floor = this.value;
    if (later(entry, floor)) {
      store<u64>(floor, load<u64>(entry, 8), 8);
      store<u32>(floor, load<u32>(entry, 16), 16);
    }
    this.count -= 1;
    const last = this.end;
    if (entry != last) copyBytes(entry, last, ENTRY_BYTES);
  }

  private readFloor(tat: Wide): void {
    tat.set(load<u64>(this.value, 8), load<u32>(this.value, 16));
  }

  private get end(): usize {
    return this.entryAt(this.count);
  }

  private entryAt(position: u32): usize {
    return this.value + HEAD_BYTES + position * ENTRY_BYTES;
  }
}

const scratch = changetype<Wide>(memory.data(16));
const SLOT_HEAD_BYTES: u32 = 48;
/** Bytes of a `Slot` with its value. */
export const SLOT_BYTES: i32 = 452;

/** Whether the TAT at `a + 8` lies behind that at `b + 8`; head and entries keep theirs at the same offset. */
function later(a: usize, b: usize): bool {
  const aHigh = load<u32>(a, 16);
  const bHigh = load<u32>(b, 16);
  return aHigh == bHigh ? load<u64>(a, 8) > load<u64>(b, 8) : aHigh > bHigh;
}

/**
 * A polynomial over the floor and the words of all entries: one changed word always changes it before it is folded to
 * half its bits. It tells what is damaged or somebody else's, not what is forged: nobody but filters can write here.
 */
function checkOf(value: usize, length: u32): u32 {
  let sum = (<u64>length) ^ load<u64>(value, 8);
  sum = sum * K + load<u32>(value, 16);
  const end = value + length;
  for (let entry = value + HEAD_BYTES; entry != end; entry += ENTRY_BYTES) {
    sum = sum * K + load<u64>(entry);
    sum = sum * K + load<u64>(entry, 8);
    sum = sum * K + load<u64>(entry, 16);
  }
  return <u32>(((sum ^ (sum >> 32)) * K) >> 32);
}

const K: u64 = 0x9e3779b97f4a7c15;
