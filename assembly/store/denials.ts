import { Wide } from "../policy/wide";

// What this VM knows of buckets that were empty: a direct-mapped cache, 24 bytes an entry: u64 hash of the bucket, u64, u64 TAT.

const ENTRIES: u32 = 1024;
const cache = memory.data(24576);

function entryOf(bucket: u64): usize {
  return cache + <usize>(((<u32>(bucket >> 16)) & (ENTRIES - 1)) * 24);
}

/** Reads the last TAT seen for a bucket; since then it can only have moved on. False: nothing is known. */
export function recallTat(bucket: u64, tat: Wide): bool {
  const entry = entryOf(bucket);
  if (load<u64>(entry) != bucket) return false;
  tat.set(load<u64>(entry, 8), load<u64>(entry, 16));
  return true;
}

/** Keeps the TAT of a bucket that has just refused. */
export function rememberTat(bucket: u64, tat: Wide): void {
  const entry = entryOf(bucket);
  store<u64>(entry, bucket);
  store<u64>(entry, tat.lo, 8);
  store<u64>(entry, tat.hi, 16);
}
