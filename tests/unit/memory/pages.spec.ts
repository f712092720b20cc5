import { PAGE_BYTES, acquirePages, pagesFor, releasePages } from "../../../assembly/memory/pages";

describe("page runs", () => {
  test("are aligned to pages and do not overlap", () => {
    const first = acquirePages(2);
    const second = acquirePages(1);
    expect(first % PAGE_BYTES).toBe(0);
    expect(first != 0 && second != 0).toBe(true);
    expect(second >= first + 2 * PAGE_BYTES || second + PAGE_BYTES <= first).toBe(true);
    releasePages(first, 2);
    releasePages(second, 1);
  });

  test("are recycled before memory grows", () => {
    const run = acquirePages(3);
    releasePages(run, 3);
    const before = memory.size();
    const first = acquirePages(1);
    const second = acquirePages(2);
    expect(memory.size()).toBe(before);
    expect(second).toBe(first + PAGE_BYTES);
    releasePages(first, 1);
    releasePages(second, 2);
  });

  test("merge with their neighbours in any order of release", () => {
    const run = acquirePages(4);
    releasePages(run + PAGE_BYTES, 1);
    releasePages(run + 3 * PAGE_BYTES, 1);
    releasePages(run, 1);
    releasePages(run + 2 * PAGE_BYTES, 1);
    const before = memory.size();
    const whole = acquirePages(4);
    expect(memory.size()).toBe(before);
    releasePages(whole, 4);
  });

  test("are refused without a trap when memory cannot grow", () => {
    expect(acquirePages(70_000)).toBe(0);
  });

  test("hold bytes, the last page begun", () => {
    expect(pagesFor(0)).toBe(0);
    expect(pagesFor(1)).toBe(1);
    expect(pagesFor(PAGE_BYTES)).toBe(1);
    expect(pagesFor(PAGE_BYTES + 1)).toBe(2);
  });
});
