import { PAGE_BYTES, acquirePages, pagesFor, releasePages } from "../memory/pages";

/** Kept for ever: room for the headers of nearly all requests. */
const FIRST_PAGES: u32 = 2;
/** What one callback may take beyond it: 16 MiB. */
const MAX_EXTRA_PAGES: u32 = 256;
/** Head of an extra run: next run, pages. */
const HEAD_BYTES: usize = 16;

let first: usize = 0;
let cursor: usize = 0;
let end: usize = 0;
let extra: usize = 0;
let extraPages: u32 = 0;

/** Bytes behind what the host places that may be read too: whoever compares reads whole words. */
const SPARE_BYTES: usize = 8;

/**
 * What the host calls to place bytes that it returns. They live until the next `resetArena`.
 * Returns 0 when the bound is reached; the host call then fails with a status, without a trap.
 */
export function malloc(size: usize): usize {
  const bytes = (size + SPARE_BYTES + 15) & ~15;
  if (bytes < size) return 0;
  if (end - cursor < bytes && !grow(bytes)) return 0;
  const at = cursor;
  cursor = at + bytes;
  return at;
}

/** Forgets everything the host placed. Called first in every callback. */
export function resetArena(): void {
  if (extra != 0) releaseExtra();
  cursor = first;
}

function grow(bytes: usize): bool {
  if (first == 0 && bytes <= <usize>FIRST_PAGES * PAGE_BYTES) {
    first = acquirePages(FIRST_PAGES);
    cursor = first;
    end = first == 0 ? 0 : first + <usize>FIRST_PAGES * PAGE_BYTES;
    return first != 0;
  }
  if (bytes > <usize>MAX_EXTRA_PAGES * PAGE_BYTES) return false;
  const pages = pagesFor(bytes + HEAD_BYTES);
  if (extraPages + pages > MAX_EXTRA_PAGES) return false;
  const run = acquirePages(pages);
  if (run == 0) return false;
  store<usize>(run, extra);
  store<u32>(run, pages, 4);
  extra = run;
  extraPages += pages;
  cursor = run + HEAD_BYTES;
  end = run + <usize>pages * PAGE_BYTES;
  return true;
}

function releaseExtra(): void {
  let run = extra;
  while (run != 0) {
    const next = load<usize>(run);
    releasePages(run, load<u32>(run, 4));
    run = next;
  }
  extra = 0;
  extraPages = 0;
  end = first == 0 ? 0 : first + <usize>FIRST_PAGES * PAGE_BYTES;
}
