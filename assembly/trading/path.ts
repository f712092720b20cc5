import { hexDigit, upper } from "../text/bytes";

/** What `normalisePath` says of a path that no rule may match. */
export const NO_PATH: u32 = 0xffffffff;

const SLASH: u8 = 0x2f;
const DOT: u8 = 0x2e;
const PERCENT: u8 = 0x25;

/**
 * Rewrites a path in place to the one spelling that rules are written in: without query and fragment, unreserved
 * escapes decoded, other escapes in upper case, slashes merged, dot segments resolved (RFC 3986, 6.2.2).
 * Returns the new length (never longer), or `NO_PATH` for an encoded `/`, `\` or NUL.
 */
export function normalisePath(path: usize, length: u32): u32 {
  if (length == 0 || load<u8>(path) != SLASH) return length;
  const end = path + length;
  let read = path + 1;
  let write = path + 1;
  let segment = write;
  while (read < end) {
    let byte = load<u8>(read);
    if (byte == 0x3f || byte == 0x23) break;
    if (byte == SLASH) {
      write = closeSegment(path, segment, write, true);
      segment = write;
      read += 1;
      continue;
    }
    if (byte == PERCENT) {
      const decoded = decode(read, end);
      if (decoded == FORBIDDEN) return NO_PATH;
      if (decoded == KEPT) {
        store<u8>(write, PERCENT);
        store<u8>(write + 1, upper(load<u8>(read + 1)));
        store<u8>(write + 2, upper(load<u8>(read + 2)));
        write += 3;
        read += 3;
        continue;
      }
      if (decoded != NO_ESCAPE) {
        byte = <u8>decoded;
        read += 2;
      }
    }
    store<u8>(write, byte);
    write += 1;
    read += 1;
  }
  return <u32>(closeSegment(path, segment, write, false) - path);
}

/** Ends the segment [segment, write): drops empty and dot segments. Returns where the next one starts. */
function closeSegment(path: usize, segment: usize, write: usize, slash: bool): usize {
  const length = write - segment;
  if (length == 0) return write;
  if (length == 1 && load<u8>(segment) == DOT) return segment;
  if (length == 2 && load<u8>(segment) == DOT && load<u8>(segment + 1) == DOT) return parent(path, segment);
  if (slash) store<u8>(write, SLASH);
  return slash ? write + 1 : write;
}

/** Start of the segment before the one that starts at `segment`. */
function parent(path: usize, segment: usize): usize {
  if (segment <= path + 1) return path + 1;
  let at = segment - 1;
  while (at > path + 1 && load<u8>(at - 1) != SLASH) at--;
  return at;
}

const NO_ESCAPE: u32 = 0x100;
const KEPT: u32 = 0x101;
const FORBIDDEN: u32 = 0x102;

function decode(at: usize, end: usize): u32 {
  if (end - at < 3) return NO_ESCAPE;
  const high = hexDigit(load<u8>(at + 1));
  const low = hexDigit(load<u8>(at + 2));
  if (high == 255 || low == 255) return NO_ESCAPE;
  const byte = (high << 4) | low;
  if (byte == SLASH || byte == 0x5c || byte == 0) return FORBIDDEN;
  return unreserved(byte) ? <u32>byte : KEPT;
}

function unreserved(byte: u8): bool {
  if (upper(byte) - 0x41 < 26 || byte - 0x30 < 10) return true;
  return byte == 0x2d || byte == DOT || byte == 0x5f || byte == 0x7e;
}
