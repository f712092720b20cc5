import { WORD_MAP_BYTES, WordMap } from "../../../assembly/memory/wordmap";
import { room } from "../sample";

describe("a word map", () => {
  test("knows nothing at first", () => {
    const map = changetype<WordMap>(room(WORD_MAP_BYTES));
    expect(map.find(1)).toBe(0);
    map.remove(1);
    expect(map.count).toBe(0);
  });

  test("agrees with a plain map over puts and removals, past its growth", () => {
    const map = changetype<WordMap>(room(WORD_MAP_BYTES));
    const model = new Map<u64, u32>();
    let state: u64 = 20261;
    let differences = 0;
    for (let step: u32 = 1; step <= 40_000; step++) {
      state = state * 6364136223846793005 + 1442695040888963407;
      const key = ((state >> 33) % 9000) + 1;
      const known: u32 = model.has(key) ? model.get(key) : 0;
      differences += i32(map.find(key) != known);
      if (known == 0) {
        differences += i32(!map.put(key, step));
        model.set(key, step);
      } else if ((state & 0x40000000) != 0) {
        map.remove(key);
        model.delete(key);
      }
    }
    expect(map.count).toBe(model.size);
    for (let key: u64 = 1; key <= 9000; key++) {
      differences += i32(map.find(key) != (model.has(key) ? model.get(key) : 0));
    }
    expect(differences).toBe(0);
  });
});
