/**
 * A literal: the address of its ASCII bytes, their number in the two bytes before them. The build turns every string
 * literal of `assembly/` into one (scripts/lib/literals.ts).
 */
export type Text = usize;

/** Bytes of a literal. */
// @ts-ignore: decorator
@inline
export function textLength(text: Text): u32 {
  return load<u16>(text - 2);
}

/** Byte `index` of a literal. */
// @ts-ignore: decorator
@inline
export function textByte(text: Text, index: u32): u8 {
  return load<u8>(text + index);
}
