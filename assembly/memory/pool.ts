import { PAGE_BYTES, acquirePages } from "./pages";

/** Recycles blocks of one size; grows by a page at a time and never shrinks. */
@unmanaged
export class Pool {
  free: usize;
  blockBytes: usize;

  /** Starts an empty pool of blocks of `blockBytes` (a multiple of 8, at most a page). */
  init(blockBytes: usize): Pool {
    this.free = 0;
    this.blockBytes = blockBytes;
    return this;
  }

  /** Takes a block, as it was left; 0 when there is no memory. */
  take(): usize {
    if (this.free == 0 && !this.grow()) return 0;
    const block = this.free;
    this.free = load<usize>(block);
    return block;
  }

  /** Gives a block back. */
  give(block: usize): void {
    store<usize>(block, this.free);
    this.free = block;
  }

  private grow(): bool {
    const page = acquirePages(1);
    if (page == 0) return false;
    const last = page + PAGE_BYTES - this.blockBytes;
    for (let block = page; block <= last; block += this.blockBytes) this.give(block);
    return true;
  }
}

/** Bytes that a `Pool` itself takes. */
export const POOL_BYTES: i32 = 8;
