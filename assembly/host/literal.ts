const BYTES: u32 = 64;
const buffer = memory.data(64);

/** An ASCII literal of at most 64 bytes as bytes; they are there until the next call. */
export function literal(text: string): usize {
  const length = min<u32>(text.length, BYTES);
  for (let i: u32 = 0; i < length; i++) store<u8>(buffer + i, <u8>text.charCodeAt(i));
  return buffer;
}
