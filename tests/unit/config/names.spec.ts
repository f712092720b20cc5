import { NameSet, SLOTS_BYTES, findName } from "../../../assembly/config/names";
import { Range, rangeAt } from "../../../assembly/text/bytes";
import { room, size, utf8 } from "../sample";

describe("a set of names", () => {
  test("tells where an equal one is", () => {
    const set = changetype<NameSet>(room(offsetof<NameSet>()));
    set.init(room(<i32>SLOTS_BYTES), room(1000 * offsetof<Range>()));
    for (let i = 0; i < 1000; i++) {
      const text = i.toString();
      expect(set.add(utf8(text), size(text))).toBe(-1);
    }
    expect(set.add(utf8("0"), 1)).toBe(0);
    expect(set.add(utf8("999"), 3)).toBe(999);
    expect(set.has(utf8("500"), 3)).toBe(true);
    expect(set.has(utf8("1000"), 4)).toBe(false);
    expect(set.count).toBe(1000);
    set.clear();
    expect(set.has(utf8("500"), 3)).toBe(false);
  });

  test("is found in a table of anything", () => {
    const table = room(3 * 24);
    for (let i = 0; i < 3; i++) rangeAt(table, i * 3).set(utf8("name" + i.toString()), 5);
    expect(findName(table, 24, 3, utf8("name2"), 5)).toBe(2);
    expect(findName(table, 24, 2, utf8("name2"), 5)).toBe(-1);
    expect(findName(table, 24, 3, utf8("name"), 4)).toBe(-1);
  });
});
