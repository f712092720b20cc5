import { Arena } from "../memory/arena";
import { RANGE_BYTES, rangeAt, sameBytes } from "../text/bytes";

/** A header that a scan looked for. Its bytes lie in the pair blob. */
@unmanaged
export class HeaderValue {
  ptr: usize;
  len: u32;
  /** 0: absent. More than 1: `ptr` and `len` are of the first. */
  copies: u32;
}

const VALUE_BYTES: usize = 12;
const BUCKETS: u32 = 256;

/** The names one scan looks for, and what it found last. */
@unmanaged
export class HeaderScan {
  names: usize;
  values: usize;
  /** `BUCKETS` bytes: index + 1 of a name, or 0. */
  buckets: usize;
  count: u32;
  /** Bit `n % 64` for every length `n` of a name. */
  lengths: u64;

  /** Adds a lower-case name, if it is not there yet. Returns its index; they count from 0 in the order of adding. */
  add(name: usize, nameLength: u32): u32 {
    for (let i: u32 = 0; i < this.count; i++) {
      const known = rangeAt(this.names, i);
      if (sameBytes(known.ptr, known.len, name, nameLength)) return i;
    }
    const index = this.count;
    rangeAt(this.names, index).set(name, nameLength);
    this.count = index + 1;
    this.lengths |= (<u64>1) << (nameLength & 63);
    let bucket = bucketOf(name, nameLength);
    while (load<u8>(this.buckets + bucket) != 0) bucket = (bucket + 1) & (BUCKETS - 1);
    store<u8>(this.buckets + bucket, <u8>(index + 1));
    return index;
  }

  /** Adds a name that the filter itself looks for. */
  addLiteral(arena: Arena, name: string): u32 {
    const at = arena.alloc(<usize>name.length);
    if (at == 0) return this.add(this.names, 0);
    for (let i = 0, n = name.length; i < n; i++) store<u8>(at + <usize>i, <u8>name.charCodeAt(i));
    return this.add(at, <u32>name.length);
  }

  /** What the last scan found for a name. */
  value(index: u32): HeaderValue {
    return changetype<HeaderValue>(this.values + <usize>index * VALUE_BYTES);
  }

  /** Forgets the last scan. */
  clear(): void {
    for (let i: u32 = 0, n = this.count; i < n; i++) this.value(i).copies = 0;
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
    let lengths = blob + 4;
    let key = lengths + ((<usize>pairs) << 3);
    for (let i: u32 = 0; i < pairs; i++, lengths += 8) {
      const keyLength = load<u32>(lengths);
      const valueLength = load<u32>(lengths, 4);
      const next = <u64>key + keyLength + valueLength + 2;
      if (next > end) return false;
      // Most names differ from all of ours in length, or in the bytes that choose a bucket.
      if (((nameLengths >> (keyLength & 63)) & 1) != 0 && keyLength != 0) {
        const bucket = bucketOf(key, keyLength);
        if (load<u8>(buckets + bucket) != 0) this.note(bucket, key, keyLength, valueLength);
      }
      key = <usize>next;
    }
    return true;
  }

  private note(bucket: u32, key: usize, keyLength: u32, valueLength: u32): void {
    let index = <u32>load<u8>(this.buckets + bucket);
    while (index != 0) {
      const name = rangeAt(this.names, index - 1);
      if (sameBytes(name.ptr, name.len, key, keyLength)) break;
      bucket = (bucket + 1) & (BUCKETS - 1);
      index = <u32>load<u8>(this.buckets + bucket);
    }
    if (index == 0) return;
    const value = this.value(index - 1);
    if (value.copies == 0) {
      value.ptr = key + keyLength + 1;
      value.len = valueLength;
    }
    value.copies += 1;
  }
}

// @ts-ignore: decorator
@inline
function bucketOf(name: usize, len: u32): u32 {
  const first = <u32>load<u8>(name);
  const middle = <u32>load<u8>(name + (len >> 1));
  const last = <u32>load<u8>(name + len - 1);
  return (first * 5 + middle * 7 + last * 31 + len) & (BUCKETS - 1);
}

/** Makes a scan for at most `maxNames` (< 128) names; address 0 when the arena is full. */
export function createHeaderScan(arena: Arena, maxNames: u32): HeaderScan {
  const at = arena.alloc(offsetof<HeaderScan>());
  const names = arena.alloc(<usize>maxNames * RANGE_BYTES);
  const values = arena.alloc(<usize>maxNames * VALUE_BYTES);
  const buckets = arena.alloc(BUCKETS);
  if (at == 0 || names == 0 || values == 0 || buckets == 0) return changetype<HeaderScan>(0);
  const scan = changetype<HeaderScan>(at);
  scan.names = names;
  scan.values = values;
  scan.buckets = buckets;
  return scan;
}
