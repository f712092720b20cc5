import { createArena, releaseArena } from "../../../assembly/memory/arena";
import { ABSENT, createByteIndex } from "../../../assembly/memory/byteindex";
import { size, utf8 } from "../sample";

describe("a byte index", () => {
  test("finds bytes of equal hashes apart", () => {
    const arena = createArena(1);
    const index = createByteIndex(arena, 3);
    expect(index.put(5, utf8("a"), 1, 10)).toBe(true);
    expect(index.put(5, utf8("b"), 1, 11)).toBe(true);
    expect(index.put(6, utf8("a"), 1, 12)).toBe(true);
    expect(index.find(5, utf8("a"), 1)).toBe(10);
    expect(index.find(5, utf8("b"), 1)).toBe(11);
    expect(index.find(6, utf8("a"), 1)).toBe(12);
    expect(index.find(6, utf8("b"), 1)).toBe(ABSENT);
    expect(index.find(7, utf8("a"), 1)).toBe(ABSENT);
    releaseArena(arena);
  });

  test("is full at its count and stays searchable", () => {
    const arena = createArena(4);
    const index = createByteIndex(arena, 100);
    for (let i: u32 = 0; i < 100; i++) {
      const text = i.toString();
      expect(index.put(i * 7, utf8(text), size(text), i)).toBe(true);
    }
    expect(index.put(1, utf8("x"), 1, 1)).toBe(false);
    expect(index.find(99 * 7, utf8("99"), 2)).toBe(99);
    expect(index.find(1, utf8("x"), 1)).toBe(ABSENT);
    releaseArena(arena);
  });

  test("is not made without room", () => {
    const arena = createArena(1);
    expect(changetype<usize>(createByteIndex(arena, 100_000))).toBe(0);
    releaseArena(arena);
  });
});
