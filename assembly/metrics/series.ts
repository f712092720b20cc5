import { Arena } from "../memory/arena";

/** Bytes of a series key: at most 12 u16 ids, zero where an id is no label of the metric. */
export const KEY_BYTES: i32 = 24;

/** One label set of one metric, with what was counted for it since the last flush. */
@unmanaged
export class Row {
  key0: u64;
  key1: u64;
  key2: u64;
  pending: u64;
  /** The next row with something pending. */
  next: usize;
  metric: u32;
  /** 0: free. 1: in use. 2: its series is defined. 3: there was no room for it. */
  state: u32;
}

export const ROW_FREE: u32 = 0;
export const ROW_NEW: u32 = 1;
export const ROW_DEFINED: u32 = 2;
export const ROW_REFUSED: u32 = 3;

const ROW_BYTES: usize = 48;

/** Rows by key: open addressing over a fixed number of places; a row is never taken back. */
@unmanaged
export class Rows {
  table: usize;
  mask: u32;
  count: u32;
  maxCount: u32;
  /** Rows with something pending, the last to get it first. */
  private pendingRows: usize;

  /** Counts one more for a row. */
  add(row: Row): void {
    if (row.pending == 0) this.link(row);
    row.pending += 1;
  }

  /** Puts a row whose count could not be written back into the list. */
  link(row: Row): void {
    row.next = this.pendingRows;
    this.pendingRows = changetype<usize>(row);
  }

  /** Takes the list of rows with something pending, chained by `next`; address 0 when there is none. */
  takePending(): Row {
    const first = changetype<Row>(this.pendingRows);
    this.pendingRows = 0;
    return first;
  }

  /** The row of a key, made when it is new; address 0 when all places are taken. */
  at(key0: u64, key1: u64, key2: u64): Row {
    let i = <u32>hashKey(key0, key1, key2);
    let row = this.rowAt(i);
    while (row.state != ROW_FREE) {
      if (row.key0 == key0 && row.key1 == key1 && row.key2 == key2) return row;
      row = this.rowAt(++i);
    }
    if (this.count == this.maxCount) return changetype<Row>(0);
    this.count += 1;
    row.key0 = key0;
    row.key1 = key1;
    row.key2 = key2;
    row.state = ROW_NEW;
    return row;
  }

  private rowAt(index: u32): Row {
    return changetype<Row>(this.table + <usize>(index & this.mask) * ROW_BYTES);
  }
}

// @ts-ignore: decorator
@inline
function hashKey(key0: u64, key1: u64, key2: u64): u64 {
  let h = key0 * 0x9e3779b97f4a7c15;
  h = (h ^ (h >> 32) ^ key1) * 0xd6e8feb86659fd93;
  h = (h ^ (h >> 32) ^ key2) * 0x9e3779b97f4a7c15;
  return h >> 32;
}

/** Makes a table for at most `maxCount` rows; address 0 when the arena is full. */
export function createRows(arena: Arena, maxCount: u32): Rows {
  const places: u32 = (<u32>1) << (33 - clz<u32>(max<u32>(maxCount, 4) - 1));
  const at = arena.alloc(offsetof<Rows>());
  const table = at == 0 ? <usize>0 : arena.alloc(<usize>places * ROW_BYTES);
  if (table == 0) return changetype<Rows>(0);
  const rows = changetype<Rows>(at);
  rows.table = table;
  rows.mask = places - 1;
  rows.maxCount = maxCount;
  return rows;
}
