import { sipHash } from "../../../assembly/memory/siphash";
import { room } from "../sample";

/** Bytes 0, 1, 2, ... */
function counted(len: u32): usize {
  const at = room(<i32>len + 1);
  for (let i: u32 = 0; i < len; i++) store<u8>(at + i, <u8>i);
  return at;
}

describe("SipHash-1-3", () => {
  test("of nothing is the vector of the Rust standard library", () => {
    expect(sipHash(0x0706050403020100, 0x0f0e0d0c0b0a0908, counted(0), 0)).toBe(0xabac0158050fc4dc);
  });

  test("depends on every byte, on the length and on the key", () => {
    const at = counted(64);
    const seen = new Set<u64>();
    for (let len: u32 = 0; len <= 64; len++) seen.add(sipHash(1, 2, at, len));
    expect(seen.size).toBe(65);
    const whole = sipHash(1, 2, at, 19);
    expect(sipHash(1, 3, at, 19) != whole && sipHash(2, 2, at, 19) != whole).toBe(true);
    for (let i: u32 = 0; i < 19; i++) {
      store<u8>(at + i, load<u8>(at + i) ^ 0x80);
      expect(sipHash(1, 2, at, 19) != whole).toBe(true);
      store<u8>(at + i, load<u8>(at + i) ^ 0x80);
    }
    store<u8>(at + 19, 0xff);
    expect(sipHash(1, 2, at, 19)).toBe(whole);
  });
});
