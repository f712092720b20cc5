import { Decimal, HUGE, timesTen } from "../../../assembly/text/decimal";
import { room, size, utf8 } from "../sample";

function read(text: string): Decimal {
  const decimal = changetype<Decimal>(room(offsetof<Decimal>()));
  const at = utf8(text);
  const stop = decimal.read(at, at + size(text));
  expect(stop - at).toBe(size(text), text);
  return decimal;
}

function integer(text: string): u64 {
  const decimal = read(text);
  expect(decimal.malformed).toBe(false, text);
  expect(decimal.integer).toBe(true, text);
  return decimal.magnitude;
}

function isInteger(text: string): bool {
  return read(text).integer;
}

describe("a decimal", () => {
  test("is an integer however it is spelled", () => {
    expect(integer("0")).toBe(0);
    expect(integer("7")).toBe(7);
    expect(integer("1000000000")).toBe(1000000000);
    expect(integer("1e3")).toBe(1000);
    expect(integer("1E+3")).toBe(1000);
    expect(integer("100.0")).toBe(100);
    expect(integer("1.5e1")).toBe(15);
    expect(integer("1000e-3")).toBe(1);
    expect(integer("0.00001e5")).toBe(1);
    expect(integer("10.20e2")).toBe(1020);
    expect(integer("0.0")).toBe(0);
    expect(integer("0e-99999999999999999999")).toBe(0);
  });

  test("is no integer when any digit is left behind the point", () => {
    expect(isInteger("1.5")).toBe(false);
    expect(isInteger("0.1")).toBe(false);
    expect(isInteger("1e-1")).toBe(false);
    expect(isInteger("15e-2")).toBe(false);
    expect(isInteger("1.00000000000000000000000000000001")).toBe(false);
    expect(isInteger("123456789012345678901.5")).toBe(false);
    expect(isInteger("1e-99999999999999999999")).toBe(false);
  });

  test("is huge beyond what counts", () => {
    expect(integer("999999999999999999")).toBe(999999999999999999);
    expect(integer("1000000000000000000")).toBe(HUGE);
    expect(integer("18446744073709551617")).toBe(HUGE);
    expect(integer("1e400")).toBe(HUGE);
    expect(integer("1e99999999999999999999")).toBe(HUGE);
    expect(integer("12345678901234567890123456789012345678900e-1")).toBe(HUGE);
  });

  test("keeps its sign apart", () => {
    expect(read("-5").negative).toBe(true);
    expect(integer("-5")).toBe(5);
    expect(read("-0").negative).toBe(true);
    expect(read("5").negative).toBe(false);
  });

  test("stops at a missing digit", () => {
    expect(read("-").malformed).toBe(true);
    expect(read("1.").malformed).toBe(true);
    expect(read("1e").malformed).toBe(true);
    expect(read("1e-").malformed).toBe(true);
    expect(read("").malformed).toBe(true);
  });

  test("ends where a number ends", () => {
    const decimal = changetype<Decimal>(room(offsetof<Decimal>()));
    const at = utf8("05.5,");
    expect(decimal.read(at, at + 5) - at).toBe(1);
    expect(decimal.read(at + 1, at + 5) - at).toBe(4);
  });

  test("grows tenfold up to huge", () => {
    expect(timesTen(12)).toBe(120);
    expect(timesTen(HUGE / 10)).toBe(HUGE);
    expect(timesTen(HUGE)).toBe(HUGE);
  });
});
