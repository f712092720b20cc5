import { Text, textLength, textByte } from "./literal";
import { Writer } from "./writer";

/** Index of the text among the words of a literal such as `"enforce, observe"`, -1 when it is none of them. */
export function wordIndex(words: Text, ptr: usize, len: u32): i32 {
  let index = 0;
  let from = 0;
  while (from < <i32>textLength(words)) {
    const end = wordEnd(words, from);
    if (isWord(words, from, end, ptr, len)) return index;
    index += 1;
    from = end + 2;
  }
  return -1;
}

/** Appends word `index`. */
export function writeWord(writer: Writer, words: Text, index: u32): Writer {
  let from = 0;
  for (let i: u32 = 0; i < index; i++) from = wordEnd(words, from) + 2;
  for (let i = from, end = wordEnd(words, from); i < end; i++) writer.byte(textByte(words, i));
  return writer;
}

function wordEnd(words: Text, from: i32): i32 {
  let end = from;
  while (end < <i32>textLength(words) && textByte(words, end) != 0x2c) end += 1;
  return end;
}

function isWord(words: Text, from: i32, end: i32, ptr: usize, len: u32): bool {
  if (<u32>(end - from) != len) return false;
  for (let i: u32 = 0; i < len; i++) {
    if (textByte(words, from + i) != load<u8>(ptr + i)) return false;
  }
  return true;
}
