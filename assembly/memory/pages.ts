/** Size of a WebAssembly page in bytes. */
export const PAGE_BYTES: usize = 65536;

/** A free run of pages: the header lies in the run itself. */
@unmanaged
class FreeRun {
  next: usize;
  pages: u32;
}

/** Free runs in order of address, none touching the next. */
let freeHead: usize = 0;

/**
 * Takes `pages` consecutive pages (64 KiB each), recycled first, else grown; contents are not cleared.
 * Returns 0 when the host refuses to grow the memory: never a trap.
 */
export function acquirePages(pages: u32): usize {
  let previous: usize = 0;
  let at = freeHead;
  while (at != 0) {
    const run = changetype<FreeRun>(at);
    if (run.pages >= pages) return takeFrom(run, previous, pages);
    previous = at;
    at = run.next;
  }
  const grown = memory.grow(<i32>pages);
  return grown < 0 ? 0 : <usize>grown * PAGE_BYTES;
}

function takeFrom(run: FreeRun, previous: usize, pages: u32): usize {
  const at = changetype<usize>(run);
  let next = run.next;
  if (run.pages > pages) {
    const rest = changetype<FreeRun>(at + <usize>pages * PAGE_BYTES);
    rest.next = next;
    rest.pages = run.pages - pages;
    next = changetype<usize>(rest);
  }
  link(previous, next);
  return at;
}

function link(previous: usize, next: usize): void {
  if (previous == 0) freeHead = next;
  else changetype<FreeRun>(previous).next = next;
}

/** Gives back a run that `acquirePages(pages)` returned; neighbours are merged. */
export function releasePages(address: usize, pages: u32): void {
  let previous: usize = 0;
  let next = freeHead;
  while (next != 0 && next < address) {
    previous = next;
    next = changetype<FreeRun>(next).next;
  }
  const run = changetype<FreeRun>(address);
  run.next = next;
  run.pages = pages;
  link(previous, address);
  mergeWithNext(address);
  if (previous != 0) mergeWithNext(previous);
}

function mergeWithNext(address: usize): void {
  const run = changetype<FreeRun>(address);
  if (run.next == 0 || address + <usize>run.pages * PAGE_BYTES != run.next) return;
  const next = changetype<FreeRun>(run.next);
  run.pages += next.pages;
  run.next = next.next;
}

/** Pages that hold `bytes` bytes. */
export function pagesFor(bytes: usize): u32 {
  return <u32>((bytes + PAGE_BYTES - 1) / PAGE_BYTES);
}
