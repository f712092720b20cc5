import { Wide } from "../policy/wide";
import { isFull } from "../policy/quota";
import { sipHash } from "../memory/siphash";

// The value of one slot, as it lies in shared data:
//   0  u32  format
//   4  u32  check: low half of SipHash(0, 0) over everything behind it
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

/** One slot while a request looks at it. The value follows the fields. */
@unmanaged
export class Slot {
  index: u32;
  /** Number to swap with; meaningless while `exists` is false. */
  cas: u32;
  count: u32;
  evictions: u32;
  exists: bool;
  changed: bool;

  get value(): usize {
    return changetype<usize>(this) + SLOT_HEAD_BYTES;
  }

  get valueBytes(): u32 {
    return HEAD_BYTES + this.count * ENTRY_BYTES;
  }

  /** Starts with an empty value. */
  clear(index: u32): void {
    memory.fill(changetype<usize>(this), 0, SLOT_BYTES);
    this.index = index;
    store<u32>(this.value, FORMAT);
  }

  /** Takes over a value that was read from shared data. */
  read(value: usize, length: u32): SlotValue {
    if (length < HEAD_BYTES || length > MAX_SLOT_BYTES || load<u32>(value) != FORMAT)
      return SlotValue.Foreign;
    if ((length - HEAD_BYTES) % ENTRY_BYTES != 0 || load<u32>(value, 4) != checkOf(value, length))
      return SlotValue.Foreign;
    memory.copy(this.value, value, length);
    this.count = (length - HEAD_BYTES) / ENTRY_BYTES;
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
   * A full slot first drops what has expired, then evicts what loses least.
   */
  writeTat(tag: u64, tat: Wide, nowNanos: u64, activeUntil: u32): void {
    this.changed = true;
    let entry = this.find(tag);
    if (entry == 0) {
      if (this.count == SLOT_ENTRIES) this.dropExpired(nowNanos);
      if (this.count == SLOT_ENTRIES) this.evict();
      entry = this.entryAt(this.count);
      this.count += 1;
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
    for (let i: u32 = 0; i < this.count; i++) {
      const entry = this.entryAt(i);
      if (load<u64>(entry) == tag) return entry;
    }
    return 0;
  }

  /** Exact: a bucket that is full again is what a missing entry means, for a worker whose clock is behind by the floor. */
  private dropExpired(nowNanos: u64): void {
    const tat = scratch;
    let i: u32 = 0;
    while (i < this.count) {
      const entry = this.entryAt(i);
      tat.set(load<u64>(entry, 8), load<u32>(entry, 16));
      if (isFull(tat, nowNanos)) this.remove(i);
      else i += 1;
    }
  }

  private evict(): void {
    let earliest: u32 = 0;
    for (let i: u32 = 1; i < this.count; i++) {
      if (later(this.entryAt(earliest), this.entryAt(i))) earliest = i;
    }
    this.remove(earliest);
    this.evictions += 1;
  }

  private remove(position: u32): void {
    const entry = this.entryAt(position);
    const floor = this.value;
    if (later(entry, floor)) memory.copy(floor + 8, entry + 8, 12);
    this.count -= 1;
    memory.copy(entry, this.entryAt(this.count), ENTRY_BYTES);
  }

  private readFloor(tat: Wide): void {
    tat.set(load<u64>(this.value, 8), load<u32>(this.value, 16));
  }

  private entryAt(position: u32): usize {
    return this.value + HEAD_BYTES + position * ENTRY_BYTES;
  }
}

const scratch = changetype<Wide>(memory.data(16));
const SLOT_HEAD_BYTES: u32 = 24;
/** Bytes of a `Slot` with its value. */
export const SLOT_BYTES: u32 = 432;

/** Whether the TAT at `a + 8` lies behind that at `b + 8`; head and entries keep theirs at the same offset. */
function later(a: usize, b: usize): bool {
  const aHigh = load<u32>(a, 16);
  const bHigh = load<u32>(b, 16);
  return aHigh == bHigh ? load<u64>(a, 8) > load<u64>(b, 8) : aHigh > bHigh;
}

function checkOf(value: usize, length: u32): u32 {
  return <u32>sipHash(0, 0, value + 8, length - 8);
}
