/** What every larger magnitude is read as. */
export const HUGE: u64 = 1_000_000_000_000_000_000;

/** More than any document's digits can outweigh. */
const HUGE_EXPONENT: i64 = 1_000_000_000_000;

/** Whether the byte is a decimal digit. */
// @ts-ignore: decorator
@inline
export function isDigit(byte: u8): bool {
  return byte - 0x30 < 10;
}

/** Ten times `value`, at most `HUGE`. */
export function timesTen(value: u64): u64 {
  return value >= HUGE / 10 ? HUGE : value * 10;
}

/** A number as JSON spells it, read exactly: no rounding, work linear in its bytes. */
@unmanaged
export class Decimal {
  /** Without the sign; `HUGE` stands for all that is larger. Meaningful only when `integer`. */
  magnitude: u64;
  private exponent: i64;
  private zeros: i64;
  negative: bool;
  /** Whether the value is an integer, however it is spelled: `1e3` and `100.0` are. */
  integer: bool;
  /** Whether a digit was missing, at the byte that `read` returned. */
  malformed: bool;

  /** Reads the longest number in `at..end`. Returns where it stops. */
  read(at: usize, end: usize): usize {
    this.magnitude = 0;
    this.exponent = 0;
    this.zeros = 0;
    this.malformed = false;
    this.negative = byteAt(at, end) == 0x2d;
    let stop = at + <usize>this.negative;
    stop = byteAt(stop, end) == 0x30 ? stop + 1 : this.digits(stop, end, 0);
    if (!this.malformed && byteAt(stop, end) == 0x2e) stop = this.digits(stop + 1, end, 1);
    if (!this.malformed && (byteAt(stop, end) | 0x20) == 0x65) stop = this.power(stop + 1, end);
    this.settle();
    return stop;
  }

  private digits(at: usize, end: usize, fraction: i64): usize {
    let stop = at;
    while (isDigit(byteAt(stop, end))) {
      this.push(load<u8>(stop) - 0x30);
      this.exponent -= fraction;
      stop += 1;
    }
    this.malformed = stop == at;
    return stop;
  }

  /** Zeros wait until another digit follows: at the end they are exponent. */
  private push(digit: u8): void {
    if (digit == 0) {
      this.zeros += i64(this.magnitude != 0);
      return;
    }
    this.grow(this.zeros + 1);
    this.zeros = 0;
    this.magnitude = min(HUGE, this.magnitude + digit);
  }

  private grow(power: i64): void {
    for (let i = power; i > 0 && this.magnitude != 0 && this.magnitude != HUGE; i--) {
      this.magnitude = timesTen(this.magnitude);
    }
  }

  private power(at: usize, end: usize): usize {
    const sign = byteAt(at, end);
    const from = at + usize(sign == 0x2b || sign == 0x2d);
    let stop = from;
    let power: i64 = 0;
    while (isDigit(byteAt(stop, end))) {
      power = min(HUGE_EXPONENT, power * 10 + (load<u8>(stop) - 0x30));
      stop += 1;
    }
    this.malformed = stop == from;
    this.exponent += sign == 0x2d ? -power : power;
    return stop;
  }

  private settle(): void {
    this.exponent += this.zeros;
    this.integer = this.magnitude == 0 || this.exponent >= 0;
    this.grow(this.exponent);
  }
}

/** The byte at `at`, 0 at the end. */
function byteAt(at: usize, end: usize): u8 {
  return at < end ? load<u8>(at) : 0;
}
