import { endsWith, hexDigit, lower, sameBytes, spells, upper } from "../../../assembly/text/bytes";
import { literal, size, utf8 } from "../sample";

function ends(text: string, suffix: string): bool {
  return endsWith(utf8(text), size(text), utf8(suffix), size(suffix));
}

describe("bytes", () => {
  test("spell a literal only when all of it is there", () => {
    expect(spells(utf8("gold"), 4, literal("gold"))).toBe(true);
    expect(spells(utf8("gold"), 4, literal("golf"))).toBe(false);
    expect(spells(utf8("gold"), 3, literal("gold"))).toBe(false);
    expect(spells(utf8(""), 0, literal(""))).toBe(true);
  });

  test("are the same with the same length and content", () => {
    expect(sameBytes(utf8("abc"), 3, utf8("abc"), 3)).toBe(true);
    expect(sameBytes(utf8("abc"), 3, utf8("abd"), 3)).toBe(false);
    expect(sameBytes(utf8("abc"), 2, utf8("abc"), 3)).toBe(false);
    expect(sameBytes(utf8("abc"), 0, utf8("xyz"), 0)).toBe(true);
  });

  test("end with a suffix, themselves and nothing", () => {
    expect(ends("order_type", "type")).toBe(true);
    expect(ends("type", "type")).toBe(true);
    expect(ends("type", "")).toBe(true);
    expect(ends("type", "order_type")).toBe(false);
    expect(ends("types", "type")).toBe(false);
  });

  test("fold letters and nothing else", () => {
    expect(upper(0x61)).toBe(0x41);
    expect(upper(0x7a)).toBe(0x5a);
    expect(upper(0x60)).toBe(0x60);
    expect(upper(0x7b)).toBe(0x7b);
    expect(upper(0xe1)).toBe(0xe1);
    expect(lower(0x41)).toBe(0x61);
    expect(lower(0x5b)).toBe(0x5b);
    expect(lower(0x40)).toBe(0x40);
  });

  test("are hexadecimal digits or 255", () => {
    expect(hexDigit(0x30)).toBe(0);
    expect(hexDigit(0x39)).toBe(9);
    expect(hexDigit(0x61)).toBe(10);
    expect(hexDigit(0x46)).toBe(15);
    expect(hexDigit(0x67)).toBe(255);
    expect(hexDigit(0x2f)).toBe(255);
    expect(hexDigit(0x3a)).toBe(255);
  });
});
