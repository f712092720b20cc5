import { utf8Encode, utf8Size } from "../../../assembly/text/utf8";
import { room } from "../sample";

/** Size of the character that the bytes, most significant first, spell. */
function sizeOf(bytes: u32, count: u32): u32 {
  const at = room(4);
  for (let i: u32 = 0; i < count; i++) store<u8>(at + i, <u8>(bytes >> (8 * (count - 1 - i))));
  return utf8Size(at, at + count);
}

describe("UTF-8", () => {
  test("has characters of one to four bytes", () => {
    expect(sizeOf(0x00, 1)).toBe(1);
    expect(sizeOf(0x7f, 1)).toBe(1);
    expect(sizeOf(0xc280, 2)).toBe(2);
    expect(sizeOf(0xdfbf, 2)).toBe(2);
    expect(sizeOf(0xe0a080, 3)).toBe(3);
    expect(sizeOf(0xed9fbf, 3)).toBe(3);
    expect(sizeOf(0xee8080, 3)).toBe(3);
    expect(sizeOf(0xefbfbf, 3)).toBe(3);
    expect(sizeOf(0xf0908080, 4)).toBe(4);
    expect(sizeOf(0xf48fbfbf, 4)).toBe(4);
  });

  test("has no stray, overlong, surrogate or too high characters", () => {
    expect(sizeOf(0x80, 1)).toBe(0);
    expect(sizeOf(0xbf, 1)).toBe(0);
    expect(sizeOf(0xc0af, 2)).toBe(0);
    expect(sizeOf(0xc1bf, 2)).toBe(0);
    expect(sizeOf(0xe09fbf, 3)).toBe(0);
    expect(sizeOf(0xeda080, 3)).toBe(0);
    expect(sizeOf(0xf08fbfbf, 4)).toBe(0);
    expect(sizeOf(0xf4908080, 4)).toBe(0);
    expect(sizeOf(0xf5808080, 4)).toBe(0);
    expect(sizeOf(0xff, 1)).toBe(0);
  });

  test("has no characters that are cut or broken", () => {
    expect(sizeOf(0xc3, 1)).toBe(0);
    expect(sizeOf(0xe282, 2)).toBe(0);
    expect(sizeOf(0xf09f98, 3)).toBe(0);
    expect(sizeOf(0xc328, 2)).toBe(0);
    expect(sizeOf(0xe28228, 3)).toBe(0);
    expect(sizeOf(0xf09f9828, 4)).toBe(0);
  });

  test("is encoded lowest byte first", () => {
    expect(utf8Encode(0)).toBe(0);
    expect(utf8Encode(0x7f)).toBe(0x7f);
    expect(utf8Encode(0x80)).toBe(0x80c2);
    expect(utf8Encode(0x7ff)).toBe(0xbfdf);
    expect(utf8Encode(0x800)).toBe(0x80a0e0);
    expect(utf8Encode(0xffff)).toBe(0xbfbfef);
    expect(utf8Encode(0x10000)).toBe(0x808090f0);
    expect(utf8Encode(0x10ffff)).toBe(0xbfbf8ff4);
  });

  test("is read back as it was encoded", () => {
    const at = room(4);
    for (let point: u32 = 1; point < 0x110000; point += 97) {
      if ((point & 0xfff800) == 0xd800) continue;
      store<u32>(at, utf8Encode(point));
      const expected: u32 = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
      if (utf8Size(at, at + 4) != expected) expect(point).toBe(0, "size of its encoding");
    }
  });
});
