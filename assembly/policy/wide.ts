/** An unsigned 128-bit number in memory. Sums wrap; callers stay below 2^100. */
@unmanaged
export class Wide {
  lo: u64;
  hi: u64;

  set(lo: u64, hi: u64): Wide {
    this.lo = lo;
    this.hi = hi;
    return this;
  }

  copy(other: Wide): Wide {
    return this.set(other.lo, other.hi);
  }

  add(other: Wide): Wide {
    const lo = this.lo + other.lo;
    this.hi += other.hi + <u64>(lo < other.lo);
    this.lo = lo;
    return this;
  }

  /** Takes `other` away; 0 when it is larger. */
  subtract(other: Wide): Wide {
    if (this.less(other)) return this.set(0, 0);
    const borrow = <u64>(this.lo < other.lo);
    this.hi -= other.hi + borrow;
    this.lo -= other.lo;
    return this;
  }

  less(other: Wide): bool {
    return this.hi == other.hi ? this.lo < other.lo : this.hi < other.hi;
  }

  /** Becomes the product of two numbers, the second below 2^32. */
  product(a: u64, b: u64): Wide {
    const low = (a & 0xffffffff) * b;
    const high = (a >> 32) * b + (low >> 32);
    return this.set((high << 32) | (low & 0xffffffff), high >> 32);
  }

  /** Shifts to the left by 1 to 63 bits. */
  shiftLeft(bits: u32): Wide {
    return this.set(this.lo << bits, (this.hi << bits) | (this.lo >> (64 - bits)));
  }
}

/** Bytes of a `Wide`. */
export const WIDE_BYTES: i32 = 16;
