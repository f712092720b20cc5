import { spells } from "./bytes";
import { Text, textLength } from "./literal";
import { hexDigit, lower } from "./bytes";
import { Decimal } from "./decimal";
import { utf8Encode, utf8Size } from "./utf8";

/** What `JsonReader.next` has read. */
export const enum Token {
  /** Nothing: `error` tells why. */
  none,
  text,
  number,
  yes,
  no,
  nil,
  /** Only the opening bracket of an object or array. */
  object,
  array,
}

/** Decoded bytes that are kept of a text; of a longer one only the length is told beyond them. */
export const TEXT_BYTES: u32 = 2048;

/**
 * Pulls tokens out of a JSON document, as strict as RFC 8259: UTF-8 only, no lone surrogates, no leniency.
 * After the first error, which stays, every call answers "nothing".
 */
@unmanaged
export class JsonReader {
  start: usize;
  at: usize;
  end: usize;
  /** The message, a static string, of the syntax error at `at`; 0 while there is none. */
  error: usize;
  /** The last token as it stands in the document, quotes included. */
  raw: usize;
  rawLength: u32;
  /** The last text, decoded. */
  text: usize;
  textLength: u32;
  /** The last number. */
  number: Decimal;

  /** Starts at the first byte. `text`, of `TEXT_BYTES`, and `number` must be there. */
  open(ptr: usize, len: u32): void {
    this.start = ptr;
    this.at = ptr;
    this.end = ptr + len;
    this.error = 0;
  }

  /** Notes a syntax error at the current byte. */
  expected(message: Text): bool {
    if (this.error == 0) this.error = message;
    return false;
  }

  /** The next byte that is no white space, 0 at the end. */
  peek(): u8 {
    while (this.at < this.end) {
      const byte = load<u8>(this.at);
      if (byte != 0x20 && byte != 0x0a && byte != 0x0d && byte != 0x09) return byte;
      this.at += 1;
    }
    return 0;
  }

  /** Takes the next byte when it is `byte`. */
  accept(byte: u8): bool {
    if (this.error != 0 || this.peek() != byte) return false;
    this.at += 1;
    return true;
  }

  /** Takes the next value, of an object or array the opening bracket only. */
  next(): Token {
    if (this.error != 0) return Token.none;
    const first = this.peek();
    this.raw = this.at;
    const token = this.take(first);
    this.rawLength = <u32>(this.at - this.raw);
    return this.error == 0 ? token : Token.none;
  }

  /** Whether nothing but white space is left. */
  finish(): bool {
    if (this.error != 0) return false;
    this.peek();
    return this.at == this.end || this.expected("expected the end");
  }

  private take(first: u8): Token {
    switch (first) {
      case 0x22:
        return this.takeText();
      case 0x7b:
        this.at += 1;
        return Token.object;
      case 0x5b:
        this.at += 1;
        return Token.array;
      case 0x74:
        return this.takeWord("true", Token.yes);
      case 0x66:
        return this.takeWord("false", Token.no);
      case 0x6e:
        return this.takeWord("null", Token.nil);
      default:
        return this.takeNumber(first);
    }
  }

  private takeWord(word: Text, token: Token): Token {
    const length = textLength(word);
    if (this.end - this.at < length || !spells(this.at, length, word)) {
      this.expected("expected a value");
      return Token.none;
    }
    this.at += length;
    return token;
  }

  private takeNumber(first: u8): Token {
    if (first != 0x2d && first - 0x30 >= 10) {
      this.expected("expected a value");
      return Token.none;
    }
    this.at = this.number.read(this.at, this.end);
    if (this.number.malformed) this.expected("expected a digit");
    else if (this.runsOn()) this.expected("bad number");
    return Token.number;
  }

  /** Whether the number is followed by what no number is: `05`, `5x`, `1.2.3`. */
  private runsOn(): bool {
    if (this.at >= this.end) return false;
    const byte = load<u8>(this.at);
    return lower(byte) - 0x61 < 26 || (byte - 0x2b < 15 && byte != 0x2c && byte != 0x2f);
  }

  private takeText(): Token {
    this.at += 1;
    this.textLength = 0;
    while (this.error == 0) {
      const byte: u8 = this.at < this.end ? load<u8>(this.at) : 0;
      if (byte == 0x22) {
        this.at += 1;
        return Token.text;
      }
      if (byte == 0x5c) this.takeEscape();
      else this.takeCharacter(byte);
    }
    return Token.none;
  }

  private takeCharacter(byte: u8): void {
    if (this.at >= this.end) {
      this.expected("the text has no end");
    } else if (byte < 0x20) {
      this.expected("control character in a text");
    } else {
      const size = utf8Size(this.at, this.end);
      if (size == 0) this.expected("not UTF-8");
      for (let i: u32 = 0; i < size; i++) this.put(load<u8>(this.at + i));
      this.at += size;
    }
  }

  private put(byte: u8): void {
    if (this.textLength < TEXT_BYTES) store<u8>(this.text + this.textLength, byte);
    this.textLength += 1;
  }

  private takeEscape(): void {
    const byte: u8 = this.at + 1 < this.end ? load<u8>(this.at, 1) : 0;
    if (byte == 0x75) {
      this.takePoint();
      return;
    }
    const plain = unescaped(byte);
    if (plain == 0) {
      this.expected("bad escape");
      return;
    }
    this.at += 2;
    this.put(plain);
  }

  private takePoint(): void {
    let point = this.unit(this.at);
    if (point > 0xffff) {
      this.expected("bad escape");
      return;
    }
    let size: u32 = 6;
    if ((point & 0xf800) == 0xd800) {
      const low = this.unit(this.at + 6);
      if (point >= 0xdc00 || (low & ~0x3ff) != 0xdc00) {
        this.expected("lone surrogate");
        return;
      }
      point = 0x10000 + ((point & 0x3ff) << 10) + (low & 0x3ff);
      size = 12;
    }
    this.at += size;
    let bytes = utf8Encode(point);
    do {
      this.put(<u8>bytes);
      bytes >>= 8;
    } while (bytes != 0);
  }

  /** The code unit of the `\uXXXX` at `at`, or a larger number. */
  private unit(at: usize): u32 {
    if (at + 6 > this.end || load<u16>(at) != 0x755c) return u32.MAX_VALUE;
    let unit: u32 = 0;
    for (let i: usize = 2; i < 6; i++) {
      const digit = hexDigit(load<u8>(at + i));
      if (digit > 15) return u32.MAX_VALUE;
      unit = (unit << 4) | digit;
    }
    return unit;
  }
}

function unescaped(byte: u8): u8 {
  switch (byte) {
    case 0x22:
    case 0x5c:
    case 0x2f:
      return byte;
    case 0x62:
      return 0x08;
    case 0x66:
      return 0x0c;
    case 0x6e:
      return 0x0a;
    case 0x72:
      return 0x0d;
    case 0x74:
      return 0x09;
    default:
      return 0;
  }
}
