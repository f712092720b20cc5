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
    memory.copy(this.ptr + this.len, ptr, taken);
    this.len += taken;
    return this;
  }

  /** Appends an ASCII literal. */
  ascii(literal: string): Writer {
    for (let i = 0, n = literal.length; i < n; i++) this.byte(<u8>literal.charCodeAt(i));
    return this;
  }

  /** Appends a number in decimal. */
  decimal(value: u64): Writer {
    let divisor: u64 = 1;
    while (value / divisor >= 10) divisor *= 10;
    while (divisor != 0) {
      this.byte(0x30 + <u8>((value / divisor) % 10));
      divisor /= 10;
    }
    return this;
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
