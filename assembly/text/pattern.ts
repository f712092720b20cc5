import { Text, textLength, textByte } from "./literal";
/**
 * Whether the whole text matches a pattern: literal bytes and classes, each with an optional `{least,most}`, as in
 * `[a-z][a-z0-9_-]{0,63}`. Greedy, without going back: a repeated class must not swallow what follows it.
 */
export function matches(ptr: usize, len: u32, pattern: Text): bool {
  let at: u32 = 0;
  let next = 0;
  while (next < <i32>textLength(pattern)) {
    const atom = next;
    next = atomEnd(pattern, atom);
    let least: u32 = 1;
    let most: u32 = 1;
    if (textByte(pattern, next) == 0x7b) {
      least = numberAt(pattern, next + 1);
      next = after(pattern, next, 0x2c);
      most = numberAt(pattern, next);
      next = after(pattern, next, 0x7d);
    }
    const stop = min(len, at + most);
    const from = at;
    while (at < stop && accepts(pattern, atom, load<u8>(ptr + at))) at += 1;
    if (at - from < least) return false;
  }
  return at == len;
}

function atomEnd(pattern: Text, atom: i32): i32 {
  return textByte(pattern, atom) == 0x5b ? after(pattern, atom, 0x5d) : atom + 1;
}

function after(pattern: Text, from: i32, code: u8): i32 {
  let at = from;
  while (at < <i32>textLength(pattern) && textByte(pattern, at) != code) at += 1;
  return at + 1;
}

function numberAt(pattern: Text, from: i32): u32 {
  let value: u32 = 0;
  for (let at = from; at < <i32>textLength(pattern); at++) {
    const digit = textByte(pattern, at) - 0x30;
    if (digit >= 10) break;
    value = value * 10 + digit;
  }
  return value;
}

function accepts(pattern: Text, atom: i32, byte: u8): bool {
  if (textByte(pattern, atom) != 0x5b) return textByte(pattern, atom) == byte;
  const end = after(pattern, atom, 0x5d) - 1;
  let at = atom + 1;
  while (at < end) {
    const ranged = textByte(pattern, at + 1) == 0x2d && at + 2 < end;
    const low = textByte(pattern, at);
    const high = ranged ? textByte(pattern, at + 2) : low;
    if (byte >= low && byte <= high) return true;
    at += ranged ? 3 : 1;
  }
  return false;
}
