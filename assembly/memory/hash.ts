import { shortWord } from "./recall";

// A fast keyed hash for tables of this VM, whose entries are compared byte by byte. Where a hash stands for its
// bytes, or callers choose them freely, SipHash is used (siphash.ts).

const K: u64 = 0x9e3779b97f4a7c15;

let key: u64 = K;

/** Sets the key of `hashBytes` in this VM. Tables that were filled under another key are void. */
export function seedHash(seed: u64): void {
  key = seed;
}

/** Folds a word into a hash; what was folded in before stays told apart from what comes after. */
// @ts-ignore: decorator
@inline
export function mix(hash: u64, word: u64): u64 {
  const product = (hash ^ word) * K;
  return product ^ (product >> 32);
}

/** 64-bit hash of a byte range under this VM's key: 8 bytes at a time, the last ones overlapping. */
export function hashBytes(ptr: usize, len: u32): u64 {
  let hash = key ^ len;
  if (len < 8) return mix(mix(hash, len == 0 ? 0 : shortWord(ptr, len)), key);
  const last = ptr + len - 8;
  for (let at = ptr; at < last; at += 8) hash = mix(hash, load<u64>(at));
  return mix(mix(hash, load<u64>(last)), key);
}
