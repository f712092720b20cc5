/** Bytes of the well-formed UTF-8 character at `at`; 0 when it is cut short, overlong, a surrogate or above U+10FFFF. */
export function utf8Size(at: usize, end: usize): u32 {
  const first = load<u8>(at);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const size: u32 = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (<u32>(end - at) < size) return 0;
  const second = load<u8>(at, 1);
  if (second < lowestSecond(first) || second > highestSecond(first)) return 0;
  for (let i: u32 = 2; i < size; i++) {
    if ((load<u8>(at + i) & 0xc0) != 0x80) return 0;
  }
  return size;
}

function lowestSecond(first: u8): u8 {
  if (first == 0xe0) return 0xa0;
  return first == 0xf0 ? 0x90 : 0x80;
}

function highestSecond(first: u8): u8 {
  if (first == 0xed) return 0x9f;
  return first == 0xf4 ? 0x8f : 0xbf;
}

/** Bytes of `point` in UTF-8, the first in the lowest byte, the rest above; a point needs at most 4. */
export function utf8Encode(point: u32): u32 {
  if (point < 0x80) return point;
  const last = 0x80 | (point & 0x3f);
  if (point < 0x800) return 0xc0 | (point >> 6) | (last << 8);
  const third = 0x80 | ((point >> 6) & 0x3f);
  if (point < 0x10000) return 0xe0 | (point >> 12) | (third << 8) | (last << 16);
  const second = 0x80 | ((point >> 12) & 0x3f);
  return 0xf0 | (point >> 18) | (second << 8) | (third << 16) | (last << 24);
}
