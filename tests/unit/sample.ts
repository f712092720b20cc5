import { Text, textLength } from "../../assembly/text/literal";
import { Writer } from "../../assembly/text/writer";

/** Buffers that raw addresses point into: the collector must not take them. */
const kept: ArrayBuffer[] = [];

/** Address of `size` bytes. */
export function room(size: i32): usize {
  const buffer = new ArrayBuffer(size);
  kept.push(buffer);
  return changetype<usize>(buffer);
}

/** Address of the text in UTF-8. */
export function utf8(text: string): usize {
  const buffer = String.UTF8.encode(text);
  kept.push(buffer);
  return changetype<usize>(buffer);
}

/** Bytes of the text in UTF-8. */
export function size(text: string): u32 {
  return String.UTF8.byteLength(text);
}

/** The bytes as a text. */
export function decoded(ptr: usize, len: u32): string {
  return String.UTF8.decodeUnsafe(ptr, len);
}

/** A writer into `capacity` bytes of its own. */
export function writer(capacity: u32): Writer {
  return changetype<Writer>(room(offsetof<Writer>())).init(room(capacity), capacity);
}

/** What was written. */
export function written(writer: Writer): string {
  return decoded(writer.ptr, writer.len);
}

/** What the build makes of a string literal of `assembly/`. */
export function literal(text: string): Text {
  const bytes = size(text);
  const at = room(2 + <i32>bytes);
  store<u16>(at, <u16>bytes);
  memory.copy(at + 2, utf8(text), bytes);
  return at + 2;
}

/** The text of a literal. */
export function textOf(literal: Text): string {
  return decoded(literal, textLength(literal));
}
