import { WIDE_BYTES, Wide } from "../../../assembly/policy/wide";
import { room } from "../sample";

const MAX: u64 = u64.MAX_VALUE;

function wide(lo: u64, hi: u64): Wide {
  return changetype<Wide>(room(WIDE_BYTES)).set(lo, hi);
}

function is(value: Wide, lo: u64, hi: u64): bool {
  return value.lo == lo && value.hi == hi;
}

describe("a wide number", () => {
  test("adds with a carry", () => {
    expect(is(wide(MAX, 0).add(wide(1, 0)), 0, 1)).toBe(true);
    expect(is(wide(MAX, 6).add(wide(MAX, 1)), MAX - 1, 8)).toBe(true);
    expect(is(wide(3, 0).add(wide(0, 0)), 3, 0)).toBe(true);
  });

  test("subtracts with a borrow, down to 0 and not below", () => {
    expect(is(wide(0, 1).subtract(wide(1, 0)), MAX, 0)).toBe(true);
    expect(is(wide(5, 5).subtract(wide(5, 5)), 0, 0)).toBe(true);
    expect(is(wide(4, 5).subtract(wide(5, 5)), 0, 0)).toBe(true);
    expect(is(wide(MAX, 0).subtract(wide(0, 1)), 0, 0)).toBe(true);
  });

  test("is less by its high half first", () => {
    expect(wide(MAX, 0).less(wide(0, 1))).toBe(true);
    expect(wide(0, 1).less(wide(MAX, 0))).toBe(false);
    expect(wide(1, 1).less(wide(2, 1))).toBe(true);
    expect(wide(2, 2).less(wide(2, 2))).toBe(false);
  });

  test("becomes a product", () => {
    expect(is(wide(9, 9).product(MAX, 0), 0, 0)).toBe(true);
    expect(is(wide(9, 9).product(MAX, 1), MAX, 0)).toBe(true);
    expect(is(wide(0, 0).product(MAX, 0xffffffff), 0xffffffff00000001, 0xfffffffe)).toBe(true);
    expect(is(wide(0, 0).product(0x100000000, 0x80000000), 0x8000000000000000, 0)).toBe(true);
  });

  test("divides, and becomes the rest", () => {
    const small = wide(100, 0);
    expect(small.divide(7)).toBe(14);
    expect(is(small, 2, 0)).toBe(true);
    const large = wide(5, 3);
    expect(large.divide(4)).toBe(0xc000000000000001);
    expect(is(large, 1, 0)).toBe(true);
    const most = wide(MAX, MAX - 1);
    expect(most.divide(MAX)).toBe(MAX);
    expect(is(most, MAX - 1, 0)).toBe(true);
  });
});
