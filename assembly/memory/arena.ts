import { PAGE_BYTES, acquirePages, pagesFor, releasePages } from "./pages";

/** Head of every run of pages of an arena. */
@unmanaged
class Run {
  next: usize;
  pages: u32;
}

/**
 * A bump allocator over page runs, released as a whole. It lies in its own first run.
 * Everything of one configuration lives in one arena.
 */
@unmanaged
export class Arena {
  runs: usize;
  cursor: usize;
  end: usize;
  pages: u32;
  maxPages: u32;

  /** Takes `bytes` zeroed bytes, aligned to 8. Returns 0 when the arena's limit or the host's memory is reached. */
  alloc(bytes: usize): usize {
    const size = (bytes + 7) & ~7;
    if (size < bytes) return 0;
    if (this.end - this.cursor < size && !this.grow(size)) return 0;
    const at = this.cursor;
    this.cursor = at + size;
    memory.fill(at, 0, size);
    return at;
  }

  private grow(size: usize): bool {
    if (size > <usize>this.maxPages * PAGE_BYTES) return false;
    const pages = pagesFor(size + RUN_BYTES);
    if (this.pages + pages > this.maxPages) return false;
    const at = acquirePages(pages);
    if (at == 0) return false;
    this.adopt(at, pages);
    return true;
  }

  adopt(at: usize, pages: u32): void {
    const run = changetype<Run>(at);
    run.next = this.runs;
    run.pages = pages;
    this.runs = at;
    this.pages += pages;
    this.cursor = at + RUN_BYTES;
    this.end = at + <usize>pages * PAGE_BYTES;
  }
}

const RUN_BYTES: usize = 8;
const ARENA_BYTES: usize = 24;

/** Makes an arena of at most `maxPages` pages. Null (address 0) when there is no memory. */
export function createArena(maxPages: u32): Arena {
  const at = acquirePages(1);
  if (at == 0) return changetype<Arena>(0);
  const arena = changetype<Arena>(at + RUN_BYTES);
  arena.runs = 0;
  arena.pages = 0;
  arena.maxPages = maxPages;
  arena.adopt(at, 1);
  arena.cursor += ARENA_BYTES;
  return arena;
}

/** Gives all runs back. Every pointer into the arena is dead afterwards. */
export function releaseArena(arena: Arena): void {
  let at = arena.runs;
  while (at != 0) {
    const run = changetype<Run>(at);
    const next = run.next;
    releasePages(at, run.pages);
    at = next;
  }
}
