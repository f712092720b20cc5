// Server-Timing (W3C): a comma-separated list of `token *( OWS ";" OWS token OWS "=" OWS ( token / quoted-string ) )`.

/** What `StageReader.next` found. */
export enum Stage {
  End,
  /** A metric that follows the grammar, with or without a duration. */
  Metric,
  /** A list element that breaks the grammar, or whose `dur` is no decimal number; reading goes on behind it. */
  Malformed,
}

const COMMA: u8 = 0x2c;
const SEMICOLON: u8 = 0x3b;
const EQUALS: u8 = 0x3d;
const QUOTE: u8 = 0x22;
const BACKSLASH: u8 = 0x5c;
/** Durations are capped here: a day in microseconds. */
const MAX_MICROS: u64 = 86_400_000_000;

/** Reads a Server-Timing value metric by metric. */
@unmanaged
export class StageReader {
  at: usize;
  end: usize;
  name: usize;
  nameLength: u32;
  hasDuration: bool;
  /** Duration in microseconds; the header's unit is milliseconds, digits below a microsecond are dropped. */
  micros: u64;

  init(value: usize, length: u32): StageReader {
    this.at = value;
    this.end = value + length;
    return this;
  }

  /** Reads the next metric into `name`, `micros`. */
  next(): Stage {
    this.skipEmpty();
    if (this.at >= this.end) return Stage.End;
    this.hasDuration = false;
    this.name = this.at;
    this.nameLength = this.token();
    if (this.nameLength == 0) return this.recover();
    while (true) {
      this.spaces();
      if (this.at >= this.end || load<u8>(this.at) == COMMA) return Stage.Metric;
      if (load<u8>(this.at) != SEMICOLON) return this.recover();
      this.at += 1;
      this.spaces();
      if (!this.parameter()) return this.recover();
    }
    return Stage.End;
  }

  private parameter(): bool {
    const key = this.at;
    const keyLength = this.token();
    if (keyLength == 0) return false;
    this.spaces();
    if (this.at >= this.end || load<u8>(this.at) != EQUALS) return false;
    this.at += 1;
    this.spaces();
    let value = this.at;
    const quoted = value < this.end && load<u8>(value) == QUOTE;
    if (quoted ? !this.quotedString() : this.token() == 0) return false;
    let stop = this.at;
    if (quoted) {
      value += 1;
      stop -= 1;
    }
    if (!isDur(key, keyLength) || this.hasDuration) return true;
    this.hasDuration = this.duration(value, stop);
    return this.hasDuration;
  }

  private duration(from: usize, to: usize): bool {
    let micros: u64 = 0;
    let scale: u64 = 1000;
    let fraction = false;
    let digits: u32 = 0;
    for (let at = from; at < to; at++) {
      const byte = load<u8>(at);
      if (byte == 0x2e && !fraction) {
        fraction = true;
        continue;
      }
      const digit = byte - 0x30;
      if (digit > 9) return false;
      digits += 1;
      if (fraction) {
        scale /= 10;
        micros += <u64>digit * scale;
      } else micros = min<u64>(micros * 10 + <u64>digit * 1000, MAX_MICROS);
    }
    this.micros = micros;
    return digits != 0;
  }

  /** Skips to the end of the list element; a comma inside a quoted string does not end it. */
  private recover(): Stage {
    while (this.at < this.end && load<u8>(this.at) != COMMA) {
      if (load<u8>(this.at) == QUOTE) {
        if (!this.quotedString()) this.at = this.end;
      } else this.at += 1;
    }
    return Stage.Malformed;
  }

  private skipEmpty(): void {
    while (this.at < this.end && (isSpace(load<u8>(this.at)) || load<u8>(this.at) == COMMA)) this.at += 1;
  }

  private spaces(): void {
    while (this.at < this.end && isSpace(load<u8>(this.at))) this.at += 1;
  }

  private token(): u32 {
    const start = this.at;
    while (this.at < this.end && isTokenByte(load<u8>(this.at))) this.at += 1;
    return <u32>(this.at - start);
  }

  private quotedString(): bool {
    this.at += 1;
    while (this.at < this.end) {
      const byte = load<u8>(this.at);
      this.at += byte == BACKSLASH ? 2 : 1;
      if (byte == QUOTE) return true;
    }
    this.at = this.end;
    return false;
  }
}

/** Bytes that a `StageReader` itself takes. */
export const STAGE_READER_BYTES: i32 = 32;

// @ts-ignore: decorator
@inline
function isSpace(byte: u8): bool {
  return byte == 0x20 || byte == 0x09;
}

function isDur(key: usize, length: u32): bool {
  if (length != 3) return false;
  return load<u8>(key) == 0x64 && load<u8>(key + 1) == 0x75 && load<u8>(key + 2) == 0x72;
}

/** Whether a byte may stand in a token (RFC 9110, 5.6.2). */
function isTokenByte(byte: u8): bool {
  if (byte - 0x30 < 10 || (byte | 0x20) - 0x61 < 26) return true;
  switch (byte) {
    case 0x21:
    case 0x23:
    case 0x24:
    case 0x25:
    case 0x26:
    case 0x27:
    case 0x2a:
    case 0x2b:
    case 0x2d:
    case 0x2e:
    case 0x5e:
    case 0x5f:
    case 0x60:
    case 0x7c:
    case 0x7e:
      return true;
    default:
      return false;
  }
}
