import { copyBytes } from "./bytes";
import { Text, textLength } from "./literal";

/** Digits of the largest number. */
const MAX_DIGITS: i32 = 20;
const digits = memory.data(MAX_DIGITS);

/** Appends text to a fixed buffer. What does not fit is dropped and `full` is set: never an overrun. */
@unmanaged
export class Writer {
  ptr: usize;
  capacity: u32;
  len: u32;
  full: bool;

  /** Starts an empty text in `capacity` bytes at `ptr`. */
  init(ptr: usize, capacity: u32): Writer {
    this.ptr = ptr;
    this.capacity = capacity;
    return this.clear();
  }

  clear(): Writer {
    this.len = 0;
    this.full = false;
    return this;
  }

  byte(value: u8): Writer {
    if (this.len >= this.capacity) {
      this.full = true;
      return this;
    }
    store<u8>(this.ptr + this.len, value);
    this.len += 1;
    return this;
  }

  bytes(ptr: usize, len: u32): Writer {
    const room = this.capacity - this.len;
    const taken = min(len, room);
    if (taken < len) this.full = true;
    copyBytes(this.ptr + this.len, ptr, taken);
    this.len += taken;
    return this;
  }

  /** Appends a literal. */
  ascii(literal: Text): Writer {
    return this.bytes(literal, textLength(literal));
  }

  /** Appends a number in decimal. */
  decimal(value: u64): Writer {
    let at = digits + MAX_DIGITS;
    do {
      at -= 1;
      store<u8>(at, 0x30 + <u8>(value % 10));
      value /= 10;
    } while (value != 0);
    return this.bytes(at, <u32>(digits + MAX_DIGITS - at));
  }

  /** Appends the low `digits` hexadecimal digits of a number, most significant first. */
  hex(value: u64, digits: u32): Writer {
    for (let i = digits; i > 0; i--) {
      const nibble = <u8>((value >> ((i - 1) << 2)) & 15);
      this.byte(nibble < 10 ? 0x30 + nibble : 0x57 + nibble);
    }
    return this;
  }
}

/** Bytes that a `Writer` itself takes. */
export const WRITER_BYTES: i32 = 16;
