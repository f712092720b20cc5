import { literal, utf8, writer, written } from "../sample";

describe("a writer", () => {
  test("appends literals, bytes and numbers", () => {
    const text = writer(64)
      .ascii(literal("a"))
      .bytes(utf8("bcd"), 2)
      .decimal(0)
      .decimal(1234567890)
      .hex(0xbeef, 6);
    expect(written(text)).toBe("abc0123456789000beef");
    expect(text.full).toBe(false);
  });

  test("writes the largest number", () => {
    expect(written(writer(20).decimal(u64.MAX_VALUE))).toBe("18446744073709551615");
  });

  test("drops what does not fit and says so", () => {
    const text = writer(4).ascii(literal("abcdef"));
    expect(written(text)).toBe("abcd");
    expect(text.full).toBe(true);
    expect(written(text.bytes(utf8("xyz"), 3).decimal(7))).toBe("abcd");
    expect(written(text.clear().bytes(utf8("vwxyz"), 5))).toBe("vwxy");
  });

  test("is full exactly past its capacity", () => {
    expect(writer(3).ascii(literal("abc")).full).toBe(false);
    expect(writer(0).ascii(literal("")).full).toBe(false);
    expect(writer(0).ascii(literal("a")).full).toBe(true);
  });
});
