import { sha256 } from "../../../assembly/text/sha256";
import { size, utf8 } from "../sample";

function prefix(text: string): u32 {
  return load<u32>(sha256(utf8(text), size(text)));
}

describe("SHA-256", () => {
  test("begins as FIPS 180-4 says", () => {
    expect(prefix("")).toBe(0xe3b0c442);
    expect(prefix("abc")).toBe(0xba7816bf);
    expect(prefix("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")).toBe(0x248d6a61);
    expect(prefix("a".repeat(1_000_000))).toBe(0xcdc76e5c);
  });

  test("pads at every length around a block", () => {
    expect(prefix("a".repeat(55))).toBe(0x9f4390f8);
    expect(prefix("a".repeat(56))).toBe(0xb35439a4);
    expect(prefix("a".repeat(63))).toBe(0x7d3e74a0);
    expect(prefix("a".repeat(64))).toBe(0xffe054fe);
    expect(prefix("a".repeat(65))).toBe(0x635361c4);
  });
});
