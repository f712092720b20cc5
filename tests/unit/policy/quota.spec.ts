import {
  Rate,
  isFull,
  refund,
  remaining,
  spend,
  tokensAhead,
  waitNanos,
} from "../../../assembly/policy/quota";
import { WIDE_BYTES, Wide } from "../../../assembly/policy/wide";
import { room } from "../sample";

const SECOND: u64 = 1_000_000_000;
const DAY: u64 = 86_400 * SECOND;
const MOST: u64 = 1_000_000_000;
const NOW: u64 = 1000 * SECOND;

function rate(limit: u64, windowNanos: u64, burst: u64): Rate {
  const one = changetype<Rate>(room(<i32>offsetof<Rate>()));
  one.init(limit, windowNanos, burst);
  return one;
}

function bucket(): Wide {
  return changetype<Wide>(room(WIDE_BYTES)).set(0, 0);
}

describe("a quota", () => {
  test("gives the burst at once, then one token an interval", () => {
    const ten = rate(10, SECOND, 3);
    const tat = bucket();
    expect(remaining(ten, tat, NOW)).toBe(3);
    for (let left: u64 = 3; left > 0; left--) {
      expect(remaining(ten, tat, NOW)).toBe(left);
      expect(waitNanos(ten, tat, NOW, 1)).toBe(0);
      expect(spend(ten, tat, NOW, 1)).toBe(true);
    }
    expect(spend(ten, tat, NOW, 1)).toBe(false);
    expect(waitNanos(ten, tat, NOW, 1)).toBe(100_000_000);
    expect(waitNanos(ten, tat, NOW, 3)).toBe(300_000_000);
    expect(spend(ten, tat, NOW + 99_999_999, 1)).toBe(false);
    expect(spend(ten, tat, NOW + 100_000_000, 1)).toBe(true);
  });

  test("takes the whole cost or nothing", () => {
    const five = rate(1, SECOND, 5);
    const tat = bucket();
    expect(spend(five, tat, NOW, 6)).toBe(false);
    expect(spend(five, tat, NOW, 4)).toBe(true);
    expect(spend(five, tat, NOW, 2)).toBe(false);
    expect(remaining(five, tat, NOW)).toBe(1);
    expect(spend(five, tat, NOW, 1)).toBe(true);
  });

  test("a clock that stands still or goes back refills nothing", () => {
    const one = rate(1, SECOND, 1);
    const tat = bucket();
    expect(spend(one, tat, NOW, 1)).toBe(true);
    expect(spend(one, tat, NOW, 1)).toBe(false);
    expect(spend(one, tat, NOW - 5 * SECOND, 1)).toBe(false);
    expect(remaining(one, tat, NOW - 5 * SECOND)).toBe(0);
    expect(waitNanos(one, tat, NOW - 5 * SECOND, 1)).toBe(6 * SECOND);
    expect(spend(one, tat, NOW + SECOND, 1)).toBe(true);
  });

  test("is full when its time has come, not before", () => {
    const tat = bucket();
    spend(rate(1, SECOND, 1), tat, NOW, 1);
    expect(isFull(tat, NOW + SECOND - 1)).toBe(false);
    expect(isFull(tat, NOW + SECOND)).toBe(true);
  });

  test("holds the slowest rate with the largest burst", () => {
    const slow = rate(1, DAY, MOST);
    const tat = bucket();
    expect(spend(slow, tat, NOW, MOST)).toBe(true);
    expect(remaining(slow, tat, NOW)).toBe(0);
    expect(waitNanos(slow, tat, NOW, 1)).toBe(DAY);
    expect(waitNanos(slow, tat, NOW, MOST)).toBe(u64.MAX_VALUE);
    expect(tokensAhead(slow, tat, NOW)).toBe(<u32>MOST + 1);
    expect(spend(slow, tat, NOW + DAY, 1)).toBe(true);
  });

  test("holds the fastest rate", () => {
    const fast = rate(MOST, SECOND, MOST);
    const tat = bucket();
    expect(spend(fast, tat, NOW, MOST)).toBe(true);
    expect(waitNanos(fast, tat, NOW, 1)).toBe(1);
    expect(spend(fast, tat, NOW + 1, 1)).toBe(true);
    expect(spend(fast, tat, NOW + 1, 1)).toBe(false);
  });

  test("a refund gives back what was charged, less what time has", () => {
    const ten = rate(10, SECOND, 10);
    const tat = bucket();
    spend(ten, tat, NOW, 10);
    refund(ten, tat, 4, 0);
    expect(remaining(ten, tat, NOW)).toBe(4);
    refund(ten, tat, 4, 300_000_000);
    expect(remaining(ten, tat, NOW)).toBe(5);
    refund(ten, tat, 5, SECOND);
    expect(remaining(ten, tat, NOW)).toBe(5);
    refund(ten, tat, MOST, 0);
    expect(remaining(ten, tat, NOW)).toBe(10);
  });

  test("the tokens of a lease lapse one by one", () => {
    const ten = rate(10, SECOND, 10);
    const tat = bucket();
    spend(ten, tat, NOW, 3);
    expect(tokensAhead(ten, tat, NOW)).toBe(4);
    expect(tokensAhead(ten, tat, NOW + 100_000_001)).toBe(2);
    expect(tokensAhead(ten, tat, NOW + 300_000_000)).toBe(1);
    expect(tokensAhead(ten, tat, NOW + 300_000_001)).toBe(0);
  });

  test("tells the policy of the draft's fields", () => {
    const contract = rate(100, SECOND, 200);
    expect(contract.windowSeconds).toBe(2);
    expect(contract.quotaUnits).toBe(200);
    const third = rate(3, SECOND, 1);
    expect(third.windowSeconds).toBe(1);
    expect(third.quotaUnits).toBe(3);
    const slow = rate(1, DAY, MOST);
    expect(slow.windowSeconds).toBe(86_400 * MOST);
    expect(slow.quotaUnits).toBe(MOST);
  });
});
