import { HUGE } from "../../../assembly/text/decimal";
import { NO_DURATION, parseDuration } from "../../../assembly/text/duration";
import { size, utf8 } from "../sample";

function nanos(text: string): u64 {
  return parseDuration(utf8(text), size(text));
}

describe("a duration", () => {
  test("has a unit", () => {
    expect(nanos("250us")).toBe(250_000);
    expect(nanos("10ms")).toBe(10_000_000);
    expect(nanos("1s")).toBe(1_000_000_000);
    expect(nanos("5m")).toBe(300_000_000_000);
    expect(nanos("24h")).toBe(86_400_000_000_000);
    expect(nanos("0s")).toBe(0);
  });

  test("is huge rather than wrapped around", () => {
    expect(nanos("277777h")).toBe(277_777 * 3_600_000_000_000);
    expect(nanos("277778h")).toBe(HUGE);
    expect(nanos("18446744073709551617us")).toBe(HUGE);
  });

  test("is nothing else", () => {
    expect(nanos("")).toBe(NO_DURATION);
    expect(nanos("5")).toBe(NO_DURATION);
    expect(nanos("s")).toBe(NO_DURATION);
    expect(nanos("1d")).toBe(NO_DURATION);
    expect(nanos("1ns")).toBe(NO_DURATION);
    expect(nanos("1S")).toBe(NO_DURATION);
    expect(nanos("01s")).toBe(NO_DURATION);
    expect(nanos("1.5s")).toBe(NO_DURATION);
    expect(nanos("-1s")).toBe(NO_DURATION);
    expect(nanos("1 s")).toBe(NO_DURATION);
    expect(nanos("1s ")).toBe(NO_DURATION);
    expect(nanos("1h30m")).toBe(NO_DURATION);
  });
});
