import { Arena } from "./arena";
import { sameBytes } from "../text/bytes";

/** What `ByteIndex.find` says of bytes that are not there. */
export const ABSENT: u32 = 0xffffffff;


@unmanaged
class Entry {
  hash: u64;
  bytes: usize;
  len: u32;
  value: u32;
}

const ENTRY_BYTES: usize = 24;

/** Maps byte strings to numbers: open addressing over a fixed number of places in an arena. */
@unmanaged
export class ByteIndex {
  table: usize;
  mask: u32;
  count: u32;
  maxCount: u32;

  /** The number kept for these bytes (`hash`: of the same bytes, by `hashBytes`), or `ABSENT`. */
  find(hash: u64, ptr: usize, len: u32): u32 {
    let i = <u32>hash;
    let entry = this.entryAt(i);
    while (entry.bytes != 0) {
      if (entry.hash == hash && sameBytes(entry.bytes, entry.len, ptr, len)) return entry.value;
      entry = this.entryAt(++i);
    }
    return ABSENT;
  }

  /** Keeps a number for bytes that are not there yet and stay where they are. False when all places are taken. */
  put(hash: u64, ptr: usize, len: u32, value: u32): bool {
    if (this.count == this.maxCount) return false;
    let i = <u32>hash;
    while (this.entryAt(i).bytes != 0) i++;
    const entry = this.entryAt(i);
    entry.hash = hash;
    entry.bytes = ptr;
    entry.len = len;
    entry.value = value;
    this.count += 1;
    return true;
  }

  private entryAt(index: u32): Entry {
    return changetype<Entry>(this.table + <usize>(index & this.mask) * ENTRY_BYTES);
  }
}

/** Makes an index for at most `maxCount` entries; address 0 when the arena is full. */
export function createByteIndex(arena: Arena, maxCount: u32): ByteIndex {
  // At most half full, so that every probe meets an empty place.
  const places: u32 = (<u32>1) << (33 - clz<u32>(max<u32>(maxCount, 4) - 1));
  const at = arena.alloc(offsetof<ByteIndex>());
  const table = at == 0 ? <usize>0 : arena.alloc(<usize>places * ENTRY_BYTES);
  if (table == 0) return changetype<ByteIndex>(0);
  const index = changetype<ByteIndex>(at);
  index.table = table;
  index.mask = places - 1;
  index.maxCount = maxCount;
  return index;
}
