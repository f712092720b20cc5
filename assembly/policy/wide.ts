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

  /** Divides by a number, rounding down; the quotient must fit into 64 bits. Becomes the rest. */
  divide(by: u64): u64 {
    if (this.hi == 0) {
      const quotient = this.lo / by;
      this.lo %= by;
      return quotient;
    }
    let quotient: u64 = 0;
    let rest = this.hi;
    for (let bit: u32 = 64; bit > 0; bit--) {
      const carry = rest >> 63;
      rest = (rest << 1) | ((this.lo >> (bit - 1)) & 1);
      quotient <<= 1;
      if (carry == 0 && rest < by) continue;
      rest -= by;
      quotient |= 1;
    }
    this.set(rest, 0);
    return quotient;
  }
}

/** Bytes of a `Wide`. */
export const WIDE_BYTES: i32 = 16;
