import { Rate, tokensAhead } from "../policy/quota";
import { Wide } from "../policy/wide";
import { acquirePages } from "../memory/pages";

// Tokens this VM has charged in advance: a direct-mapped table, 32 bytes an entry:
//   0 u64 hash of the bucket   8 u64, 16 u64 TAT that the last token was charged up to   24 u32 tokens left

const ENTRIES: u32 = 4096;
const ENTRY_BYTES: u32 = 32;
const PAGES: u32 = 2;

let table: usize = 0;

function entryOf(bucket: u64): usize {
  return table + <usize>(((<u32>(bucket >> 16)) & (ENTRIES - 1)) * ENTRY_BYTES);
}

/**
 * Tokens of a lease that may still be spent: one whose emission time has passed has come back to the bucket.
 * `tat` becomes what the lease was charged up to.
 */
export function leasedTokens(rate: Rate, bucket: u64, tat: Wide, nowNanos: u64): u32 {
  if (table == 0) return 0;
  const entry = entryOf(bucket);
  if (load<u64>(entry) != bucket) return 0;
  tat.set(load<u64>(entry, 8), load<u64>(entry, 16));
  return min(load<u32>(entry, 24), tokensAhead(rate, tat, nowNanos));
}

/** Spends tokens that `leasedTokens` has just found. */
export function spendLease(bucket: u64, left: u32): void {
  store<u32>(entryOf(bucket), left, 24);
}

/** Keeps what is left of tokens charged up to `tat`. The lease of another bucket in the same place lapses. */
export function keepLease(bucket: u64, tat: Wide, left: u32): void {
  if (table == 0 && !makeTable()) return;
  const entry = entryOf(bucket);
  store<u64>(entry, bucket);
  store<u64>(entry, tat.lo, 8);
  store<u64>(entry, tat.hi, 16);
  store<u32>(entry, left, 24);
}

function makeTable(): bool {
  table = acquirePages(PAGES);
  if (table == 0) return false;
  memory.fill(table, 0, <usize>(ENTRIES * ENTRY_BYTES));
  return true;
}
