// SHA-256 (FIPS 180-4). Used once per configuration, so written for size.

const K: StaticArray<u32> = [
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
  0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
  0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
  0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
  0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
  0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
  0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
  0xc67178f2,
];

const INITIAL: StaticArray<u32> = [
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
];

const state = memory.data(32);
const round = memory.data(32);
const words = memory.data(256);
const last = memory.data(128);

/** SHA-256 of a byte range: the address of its 8 words, until the next call. Word 0 is the first 8 hexadecimal digits. */
export function sha256(ptr: usize, len: u32): usize {
  for (let i = 0; i < 8; i++) store<u32>(state + ((<usize>i) << 2), unchecked(INITIAL[i]));
  const whole = len & ~63;
  for (let at: u32 = 0; at < whole; at += 64) compress(ptr + at);
  const rest = len - whole;
  memory.fill(last, 0, 128);
  memory.copy(last, ptr + whole, rest);
  store<u8>(last + rest, 0x80);
  const blocks: u32 = rest < 56 ? 64 : 128;
  store<u64>(last + blocks - 8, bswap<u64>((<u64>len) << 3));
  for (let at: u32 = 0; at < blocks; at += 64) compress(last + at);
  return state;
}

function compress(block: usize): void {
  for (let i: usize = 0; i < 16; i++) store<u32>(words + (i << 2), bswap<u32>(load<u32>(block + (i << 2))));
  for (let i: usize = 16; i < 64; i++) {
    const at = words + (i << 2);
    const a = load<u32>(at - 60);
    const b = load<u32>(at - 8);
    const s0 = rotr<u32>(a, 7) ^ rotr<u32>(a, 18) ^ (a >> 3);
    const s1 = rotr<u32>(b, 17) ^ rotr<u32>(b, 19) ^ (b >> 10);
    store<u32>(at, load<u32>(at - 64) + s0 + load<u32>(at - 28) + s1);
  }
  memory.copy(round, state, 32);
  for (let i = 0; i < 64; i++) step(unchecked(K[i]) + load<u32>(words + ((<usize>i) << 2)));
  for (let i: usize = 0; i < 32; i += 4) store<u32>(state + i, load<u32>(state + i) + load<u32>(round + i));
}

function step(word: u32): void {
  const a = load<u32>(round);
  const b = load<u32>(round, 4);
  const c = load<u32>(round, 8);
  const e = load<u32>(round, 16);
  const s1 = rotr<u32>(e, 6) ^ rotr<u32>(e, 11) ^ rotr<u32>(e, 25);
  const choice = (e & load<u32>(round, 20)) ^ (~e & load<u32>(round, 24));
  const t1 = load<u32>(round, 28) + s1 + choice + word;
  const s0 = rotr<u32>(a, 2) ^ rotr<u32>(a, 13) ^ rotr<u32>(a, 22);
  const majority = (a & b) ^ (a & c) ^ (b & c);
  memory.copy(round + 4, round, 28);
  store<u32>(round, load<u32>(round, 16) + t1, 16);
  store<u32>(round, t1 + s0 + majority);
}
