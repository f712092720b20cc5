import { wordIndex, writeWord } from "../../../assembly/text/words";
import { literal, size, utf8, writer, written } from "../sample";

function index(text: string): i32 {
  return wordIndex(literal("keep, upper, lower"), utf8(text), size(text));
}

describe("words", () => {
  test("have an index", () => {
    expect(index("keep")).toBe(0);
    expect(index("upper")).toBe(1);
    expect(index("lower")).toBe(2);
  });

  test("are not their parts, nor several of them", () => {
    expect(index("")).toBe(-1);
    expect(index("kee")).toBe(-1);
    expect(index("lowers")).toBe(-1);
    expect(index("keep, upper")).toBe(-1);
    expect(index(" upper")).toBe(-1);
  });

  test("are written", () => {
    expect(written(writeWord(writer(16), literal("keep, upper, lower"), 0))).toBe("keep");
    expect(written(writeWord(writer(16), literal("keep, upper, lower"), 2))).toBe("lower");
  });
});
