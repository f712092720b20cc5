import { createArena, releaseArena } from "../../../assembly/memory/arena";
import { PAGE_BYTES } from "../../../assembly/memory/pages";

function isZero(at: usize, bytes: usize): bool {
  for (let i: usize = 0; i < bytes; i++) if (load<u8>(at + i) != 0) return false;
  return true;
}

describe("an arena", () => {
  test("gives zeroed bytes, aligned, one behind the other", () => {
    const arena = createArena(1);
    const first = arena.alloc(5);
    const second = arena.alloc(16);
    expect(first % 8).toBe(0);
    expect(second).toBe(first + 8);
    expect(isZero(first, 24)).toBe(true);
    releaseArena(arena);
  });

  test("gives zeroes from pages that were used before", () => {
    const used = createArena(1);
    const at = used.alloc(1000);
    memory.fill(at, 0xff, 1000);
    releaseArena(used);
    const arena = createArena(1);
    expect(isZero(arena.alloc(1000), 1000)).toBe(true);
    releaseArena(arena);
  });

  test("grows by runs, larger than a page too", () => {
    const arena = createArena(8);
    const large = arena.alloc(3 * PAGE_BYTES);
    expect(large != 0).toBe(true);
    memory.fill(large, 0xff, 3 * PAGE_BYTES);
    const small = arena.alloc(PAGE_BYTES - 8);
    expect(small != 0).toBe(true);
    expect(isZero(small, PAGE_BYTES - 8)).toBe(true);
    releaseArena(arena);
  });

  test("refuses what is above its limit and goes on", () => {
    const arena = createArena(2);
    expect(arena.alloc(2 * PAGE_BYTES)).toBe(0);
    expect(arena.alloc(usize.MAX_VALUE)).toBe(0);
    expect(arena.alloc(usize.MAX_VALUE - 6)).toBe(0);
    expect(arena.alloc(8) != 0).toBe(true);
    expect(arena.alloc(PAGE_BYTES - 8) != 0).toBe(true);
    expect(arena.alloc(8)).toBe(0);
    releaseArena(arena);
  });

  test("gives all its pages back", () => {
    const first = createArena(16);
    first.alloc(10 * PAGE_BYTES);
    releaseArena(first);
    const before = memory.size();
    for (let i = 0; i < 100; i++) {
      const arena = createArena(16);
      arena.alloc(10 * PAGE_BYTES);
      releaseArena(arena);
    }
    expect(memory.size()).toBe(before);
  });
});
