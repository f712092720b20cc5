// SipHash-1-3 (Aumasson, Bernstein, 2012): keyed, so that no caller can choose bytes that collide.

/** SipHash-1-3 of a byte range under a given key. */
export function sipHash(first: u64, second: u64, ptr: usize, len: u32): u64 {
  let v0 = first ^ 0x736f6d6570736575;
  let v1 = second ^ 0x646f72616e646f6d;
  let v2 = first ^ 0x6c7967656e657261;
  let v3 = second ^ 0x7465646279746573;
  const blocks = (len >> 3) + 1;
  // One round a block, then three to finish, in one loop so that the state stays in locals.
  for (let i: u32 = 0; i < blocks + 3; i++) {
    const block = i < blocks ? blockAt(ptr, len, i) : 0;
    if (i == blocks) v2 ^= 0xff;
    v3 ^= block;
    v0 += v1;
    v1 = rotl<u64>(v1, 13) ^ v0;
    v0 = rotl<u64>(v0, 32);
    v2 += v3;
    v3 = rotl<u64>(v3, 16) ^ v2;
    v0 += v3;
    v3 = rotl<u64>(v3, 21) ^ v0;
    v2 += v1;
    v1 = rotl<u64>(v1, 17) ^ v2;
    v2 = rotl<u64>(v2, 32);
    v0 ^= block;
  }
  return v0 ^ v1 ^ v2 ^ v3;
}

/** Block `index` of the message: 8 bytes, or what is left of it with the length on top. */
// @ts-ignore: decorator
@inline
function blockAt(ptr: usize, len: u32, index: u32): u64 {
  const at = ptr + (index << 3);
  return index < len >> 3 ? load<u64>(at) : lastBlock(at, len);
}

function lastBlock(at: usize, len: u32): u64 {
  let block: u64 = (<u64>len) << 56;
  for (let i: u32 = 0, n = len & 7; i < n; i++) block |= (<u64>load<u8>(at + i)) << (i << 3);
  return block;
}
