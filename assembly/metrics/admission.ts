import { Arena } from "../memory/arena";

/** The first places go to whoever comes; a flood can take no more than these at once. */
const FREE_PLACES: u32 = 8;

/** 4,096 sets of 4: the last 16,384 or so distinct values that had no place, in 64 KiB. */
const SETS: u32 = 4096;
const WAYS: u32 = 4;
const SIGHTINGS_BYTES: usize = 65536;
/** Low bits of a cell count sightings, the others are a fingerprint. */
const COUNT_MASK: u32 = 15;

/**
 * How often a value must be seen lately before it gets a place, by how many of the places are taken.
 * Values that come once never pass; the scarcer the places, the more frequent a value must be.
 */
export function sightingsNeeded(taken: u32, places: u32): u32 {
  if (taken < FREE_PLACES) return 1;
  if (taken * 2 < places) return 2;
  if (taken * 4 < places * 3) return 3;
  return taken * 10 < places * 9 ? 4 : 8;
}

/** Counts recent sightings of values, by fingerprint; in each set the least recent one gives way. */
@unmanaged
export class Sightings {
  cells: usize;

  /** Notes a value by its keyed hash. Returns how often it was seen, at most 15. */
  sight(hash: u64): u32 {
    const set = this.cells + <usize>(((<u32>hash) & (SETS - 1)) * WAYS * 4);
    const fingerprint = (<u32>(hash >> 32)) & ~COUNT_MASK;
    let way: u32 = 0;
    while (way < WAYS - 1 && (load<u32>(set + (way << 2)) & ~COUNT_MASK) != fingerprint) way++;
    const cell = load<u32>(set + (way << 2));
    const known = (cell & ~COUNT_MASK) == fingerprint;
    const count = known ? min<u32>((cell & COUNT_MASK) + 1, COUNT_MASK) : 1;
    memory.copy(set + 4, set, way << 2);
    store<u32>(set, fingerprint | count);
    return count;
  }
}

/** Makes an empty count; address 0 when the arena is full. */
export function createSightings(arena: Arena): Sightings {
  const at = arena.alloc(offsetof<Sightings>());
  const cells = at == 0 ? <usize>0 : arena.alloc(SIGHTINGS_BYTES);
  if (cells == 0) return changetype<Sightings>(0);
  const sightings = changetype<Sightings>(at);
  sightings.cells = cells;
  return sightings;
}
