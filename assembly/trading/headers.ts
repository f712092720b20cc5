import { Arena } from "../memory/arena";
import { sameBytes } from "../text/bytes";
import { Text, textLength } from "../text/literal";

/** A header that a scan looked for. Its bytes lie in the pair blob. */
@unmanaged
export class HeaderValue {
  ptr: usize;
  len: u32;
  /** 0: absent. 2: there are more, `ptr` and `len` are of the first. */
  copies: u32;
}

/** A name, prepared for comparing, and what the last scan found for it. */
@unmanaged
class Name extends HeaderValue {
  length: u32;
  /** Three words that cover a name of up to 24 bytes: its first, the one at `middle`, its last at `tail`. */
  first: u64;
  second: u64;
  last: u64;
  /** The bytes that count in each word. */
  mask: u64;
  middle: u32;
  tail: u32;
  /** Number of the next name of the same bucket, 0 at the end. */
  next: u32;
  text: usize;

  init(text: usize, length: u32): void {
    this.text = text;
    this.length = length;
    this.copies = 1;
    this.tail = max<u32>(length, 8) - 8;
    this.middle = min<u32>(this.tail, 8);
    this.mask = length < 8 ? ((<u64>1) << (length << 3)) - 1 : u64.MAX_VALUE;
    this.first = wordOf(text, length, 0);
    this.second = wordOf(text, length, this.middle);
    this.last = wordOf(text, length, this.tail);
  }

  /** Whether the bytes spell this name. Seven bytes behind them are read. */
  // @ts-ignore: decorator
  @inline
  isAt(key: usize, keyLength: u32): bool {
    if (keyLength != this.length) return false;
    const first = load<u64>(key) ^ this.first;
    const second = load<u64>(key + this.middle) ^ this.second;
    const last = load<u64>(key + this.tail) ^ this.last;
    if (((first | second | last) & this.mask) != 0) return false;
    return keyLength <= 24 || sameBytes(this.text, keyLength, key, keyLength);
  }
}

/** 8 bytes of a text from `at` on, of a shorter text all with zeros behind. */
function wordOf(text: usize, length: u32, at: u32): u64 {
  let word: u64 = 0;
  for (let i = min<u32>(length - at, 8); i > 0; i--) word = (word << 8) | load<u8>(text + at + i - 1);
  return word;
}

const NAME_BYTES: usize = 64;
const BUCKETS: u32 = 512;
const BUCKET_SHIFT: u32 = 23;
/** Names of one scan: each has a bit of 64, and the last bit is nobody's. */
const MAX_NAMES: u32 = 63;

/** Index of a name that a scan does not look for: always absent. */
export const NOT_SCANNED: u32 = 63;

const absent = changetype<HeaderValue>(memory.data(12));

/** The names one scan looks for, and what it found last. */
@unmanaged
export class HeaderScan {
  /** Table of `Name`. */
  names: usize;
  /** `BUCKETS` bytes: number (index + 1) of a name, or 0. */
  buckets: usize;
  count: u32;
  /** Bit `n % 64` for every length `n` of a name. */
  lengths: u64;
  /** Bit of every name that the last scan found. */
  found: u64;
  /** Whether a name was found more than once: else every name's `copies` is 1. */
  repeats: bool;

  /** Adds a lower-case name, if it is not there yet. Returns its index; they count from 0 in the order of adding. */
  add(text: usize, length: u32): u32 {
    for (let i: u32 = 0; i < this.count; i++) {
      const known = this.nameAt(i);
      if (sameBytes(known.text, known.length, text, length)) return i;
    }
    const index = this.count;
    const name = this.nameAt(index);
    const bucket = this.buckets + bucketOf(text, length);
    name.init(text, length);
    name.next = load<u8>(bucket);
    store<u8>(bucket, <u8>(index + 1));
    this.count = index + 1;
    this.lengths |= (<u64>1) << (length & 63);
    return index;
  }

  private nameAt(index: u32): Name {
    return changetype<Name>(this.names + <usize>index * NAME_BYTES);
  }

  /** Adds a name that the filter itself looks for. */
  addLiteral(name: Text): u32 {
    return this.add(name, textLength(name));
  }

  /** What the last scan found for a name. */
  value(index: u32): HeaderValue {
    if (((this.found >> index) & 1) == 0) return absent;
    return this.nameAt(index);
  }

  /** Forgets the last scan. */
  clear(): void {
    this.found = 0;
    if (!this.repeats) return;
    this.repeats = false;
    for (let i: u32 = 0; i < this.count; i++) this.nameAt(i).copies = 1;
  }

  /**
   * Reads a pair blob: u32 count, then a (u32 key length, u32 value length) each, then key NUL value NUL each.
   * False when the blob contradicts itself; what was found until then stays.
   */
  read(blob: usize, size: u32): bool {
    this.clear();
    if (size < 4) return size == 0;
    const pairs = load<u32>(blob);
    if (pairs > (size - 4) >> 3) return false;
    const end = <u64>(blob + size);
    const nameLengths = this.lengths;
    const buckets = this.buckets;
    let at = blob + 4;
    const keys = at + ((<usize>pairs) << 3);
    let key = keys;
    for (; at != keys; at += 8) {
      const both = load<u64>(at);
      const keyLength = <u32>both;
      const next = <u64>key + keyLength + (both >> 32) + 2;
      if (next > end) return false;
      // Most names differ from all of ours in length, or in the bytes that choose a bucket.
      if (((nameLengths >> (keyLength & 63)) & 1) != 0) {
        const number = load<u8>(buckets + bucketOf(key, keyLength));
        if (number != 0) this.note(number, key, both);
      }
      key = <usize>next;
    }
    return true;
  }

  private note(number: u32, key: usize, both: u64): void {
    const keyLength = <u32>both;
    let name = this.nameAt(number - 1);
    while (!name.isAt(key, keyLength)) {
      number = name.next;
      if (number == 0) return;
      name = this.nameAt(number - 1);
    }
    const bit = (<u64>1) << (number - 1);
    const found = this.found;
    if ((found & bit) != 0) return this.repeat(name);
    this.found = found | bit;
    name.ptr = key + keyLength + 1;
    name.len = <u32>(both >> 32);
  }

  private repeat(name: Name): void {
    this.repeats = true;
    name.copies = 2;
  }
}

// @ts-ignore: decorator
@inline
function bucketOf(name: usize, len: u32): u32 {
  const short = len < 4;
  const first = short ? <u32>load<u8>(name) : load<u32>(name);
  const last = short ? 0 : load<u32>(name + len - 4);
  return (((first ^ rotl<u32>(last, 11)) + len) * 0x9e3779b1) >> BUCKET_SHIFT;
}

/** Makes a scan for at most `maxNames` (up to 63) names; address 0 when the arena is full. */
export function createHeaderScan(arena: Arena, maxNames: u32): HeaderScan {
  const at = arena.alloc(offsetof<HeaderScan>());
  const names = arena.alloc(<usize>min(maxNames, MAX_NAMES) * NAME_BYTES);
  const buckets = arena.alloc(BUCKETS);
  if (at == 0 || names == 0 || buckets == 0) return changetype<HeaderScan>(0);
  const scan = changetype<HeaderScan>(at);
  scan.names = names;
  scan.buckets = buckets;
  return scan;
}
