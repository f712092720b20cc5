import { PAGE_BYTES, acquirePages, releasePages } from "./pages";


@unmanaged
class Entry {
  key: u64;
  value: u32;
}

const ENTRY_BYTES: usize = 16;

/** Maps words (never 0) to numbers (never 0): open addressing with linear probing that grows by doubling. */
@unmanaged
export class WordMap {
  table: usize;
  pages: u32;
  mask: u32;
  count: u32;

  /** The number kept for a key, or 0. */
  find(key: u64): u32 {
    if (this.table == 0) return 0;
    let i = home(key);
    let entry = this.entryAt(i);
    while (entry.key != 0) {
      if (entry.key == key) return entry.value;
      entry = this.entryAt(++i);
    }
    return 0;
  }

  /** Keeps a number for a key that is not in the map yet. False when there is no memory. */
  put(key: u64, value: u32): bool {
    // At most half full, so that every probe meets an empty place.
    if ((this.table == 0 || (this.count + 1) << 1 > this.mask) && !this.grow()) return false;
    this.place(key, value);
    this.count += 1;
    return true;
  }

  /** Forgets a key; later entries of its run move up, so that no tombstones are left. */
  remove(key: u64): void {
    if (this.table == 0) return;
    let hole = home(key);
    while (this.entryAt(hole).key != key) {
      if (this.entryAt(hole).key == 0) return;
      hole++;
    }
    for (let i = hole + 1; this.entryAt(i).key != 0; i++) {
      const entry = this.entryAt(i);
      if (((i - home(entry.key)) & this.mask) < i - hole) continue;
      this.copy(entry, this.entryAt(hole));
      hole = i;
    }
    this.entryAt(hole).key = 0;
    this.count -= 1;
  }

  private place(key: u64, value: u32): void {
    let i = home(key);
    while (this.entryAt(i).key != 0) i++;
    const entry = this.entryAt(i);
    entry.key = key;
    entry.value = value;
  }

  private grow(): bool {
    const newPages = this.pages == 0 ? 1 : this.pages * 2;
    const newTable = acquirePages(newPages);
    if (newTable == 0) return false;
    const bytes = <usize>newPages * PAGE_BYTES;
    memory.fill(newTable, 0, bytes);
    const oldTable = this.table;
    const oldPages = this.pages;
    this.table = newTable;
    this.pages = newPages;
    this.mask = <u32>(bytes / ENTRY_BYTES) - 1;
    if (oldTable == 0) return true;
    for (let at = oldTable; at < oldTable + <usize>oldPages * PAGE_BYTES; at += ENTRY_BYTES) {
      const entry = changetype<Entry>(at);
      if (entry.key != 0) this.place(entry.key, entry.value);
    }
    releasePages(oldTable, oldPages);
    return true;
  }

  private copy(from: Entry, to: Entry): void {
    to.key = from.key;
    to.value = from.value;
  }

  private entryAt(index: u32): Entry {
    return changetype<Entry>(this.table + <usize>(index & this.mask) * ENTRY_BYTES);
  }
}

// @ts-ignore: decorator
@inline
function home(key: u64): u32 {
  return <u32>((key * 0x9e3779b97f4a7c15) >> 36);
}

/** Bytes that a `WordMap` itself takes. */
export const WORD_MAP_BYTES: i32 = 16;
