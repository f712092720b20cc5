import { PAGE_BYTES } from "../../../assembly/memory/pages";
import { POOL_BYTES, Pool } from "../../../assembly/memory/pool";
import { room } from "../sample";

function pool(blockBytes: usize): Pool {
  return changetype<Pool>(room(POOL_BYTES)).init(blockBytes);
}

describe("a pool", () => {
  test("gives a block back that was given to it", () => {
    const blocks = pool(64);
    const block = blocks.take();
    memory.fill(block, 0xff, 64);
    blocks.give(block);
    expect(blocks.take()).toBe(block);
  });

  test("gives blocks that do not overlap", () => {
    const blocks = pool(24);
    const taken = new Set<usize>();
    const count = <i32>(PAGE_BYTES / 24) + 1;
    for (let i = 0; i < count; i++) {
      const block = blocks.take();
      memory.fill(block, 1, 24);
      taken.add(block);
    }
    expect(taken.size).toBe(count);
  });
});
