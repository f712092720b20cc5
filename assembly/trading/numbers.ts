/** What `decimalValue` says of bytes that are no number it can hold. */
export const NO_NUMBER: u64 = 0xffffffffffffffff;

/** Reads an unsigned decimal of 1 to 18 digits; `NO_NUMBER` for anything else. */
export function decimalValue(ptr: usize, len: u32): u64 {
  if (len == 0 || len > 18) return NO_NUMBER;
  let value: u64 = 0;
  for (let i: u32 = 0; i < len; i++) {
    const digit = load<u8>(ptr + i) - 0x30;
    if (digit > 9) return NO_NUMBER;
    value = value * 10 + digit;
  }
  return value;
}
