import { Text, textLength } from "../text/literal";
import { JsonReader, Token } from "../text/json";
import { wordIndex, writeWord } from "../text/words";
import { Writer } from "../text/writer";

/** Deepest nesting that the schema allows is 6. */
const MAX_DEPTH: u32 = 8;

/** Most bytes of the document that a message shows of a value or a key. */
const SHOWN_BYTES: u32 = 32;

/** `JsonReader.error` when the message has been written already. */
const TOLD: usize = 1;

/** An object or array that is open. */
@unmanaged
class Frame {
  /** The current key as it stands in the document, without quotes; 0 in an array. */
  key: usize;
  keyLength: u32;
  /** Entries begun. */
  count: u32;
  /** Bit of every known key that was seen. */
  seen: u32;
}

/** Bytes of the frames of a `Document`. */
export const FRAMES_BYTES: usize = <usize>MAX_DEPTH * offsetof<Frame>();

/**
 * Walks a JSON document in its order and knows the path of where it is. The first error writes its message;
 * afterwards every walk ends at once and every value reads as its default.
 */
@unmanaged
export class Document extends JsonReader {
  frames: usize;
  depth: u32;
  /** Index of the current key among the known ones. */
  key: u32;
  /** Bits of the known keys of the object that was left last. */
  seen: u32;
  diagnostic: Writer;
  /** Swallows what is said after the first error. */
  silence: Writer;

  private frame(level: u32): Frame {
    return changetype<Frame>(this.frames + <usize>level * offsetof<Frame>());
  }

  /** Begins the first error with the path of the current place. Returns where the rest of the message goes. */
  begin(): Writer {
    if (this.error != 0) return this.silence;
    this.error = TOLD;
    this.path(this.diagnostic, this.depth);
    return this.diagnostic.ascii(this.depth == 0 ? "document" : "");
  }

  /** As `begin`, with the colon. */
  fail(): Writer {
    return this.begin().ascii(": ");
  }

  /** As `fail`, at key `key` of the object that was left last. */
  failAt(keys: Text, key: u32): Writer {
    return writeWord(this.begin().ascii("."), keys, key).ascii(": ");
  }

  /** The current value is refused. */
  refuse(why: Text): Writer {
    return writeValue(this.fail(), this.raw, this.rawLength).byte(0x20).ascii(why);
  }

  /** As `refuse`, for what it should be: `quotas[0].name: 7 is not a string`. */
  refuseUnless(what: Text): Writer {
    return this.refuse("is not ").ascii(what);
  }

  /** Makes a literal the current text. */
  say(literal: Text): void {
    this.textLength = textLength(literal);
    memory.copy(this.text, literal, this.textLength);
  }

  /** The current value stood at `index` of the list `up` levels above already. */
  refuseRepeated(up: u32, index: u32): void {
    const writer = this.refuse("is already used by ");
    this.path(writer, this.depth - up);
    writer.ascii("[").decimal(index).ascii("]");
  }

  /** Ends the reading of the document; a syntax error gets its message. */
  close(): void {
    this.finish();
    if (this.error <= TOLD) return;
    this.diagnostic
      .ascii("byte ")
      .decimal(this.at - this.start)
      .ascii(": ");
    this.diagnostic.ascii(this.error);
  }

  private path(writer: Writer, levels: u32): void {
    for (let level: u32 = 0; level < levels; level++) {
      const frame = this.frame(level);
      if (frame.key == 0) {
        writer
          .ascii("[")
          .decimal(frame.count - 1)
          .ascii("]");
      } else {
        if (level > 0) writer.ascii(".");
        writeRaw(writer, frame.key, frame.keyLength);
      }
    }
  }

  /** Steps into the value, which must be an object. */
  openObject(): void {
    if (this.next() == Token.object) this.push();
    else this.refuseUnless("an object");
  }

  /** Steps into the value, which must be an array. */
  openArray(): void {
    if (this.next() == Token.array) this.push();
    else this.refuseUnless("an array");
  }

  private push(): void {
    memory.fill(changetype<usize>(this.frame(this.depth)), 0, offsetof<Frame>());
    this.depth += 1;
  }

  private more(close: u8, missing: Text): bool {
    if (this.error != 0) return false;
    const frame = this.frame(this.depth - 1);
    if (this.accept(close)) {
      this.seen = frame.seen;
      this.depth -= 1;
      return false;
    }
    if (frame.count > 0 && !this.accept(0x2c)) return this.expected(missing);
    return true;
  }

  private within(most: u32): bool {
    const frame = this.frame(this.depth - 1);
    frame.count += 1;
    if (frame.count <= most) return true;
    this.depth -= 1;
    this.fail().decimal(frame.count).ascii(" entries are more than ").decimal(most);
    return false;
  }

  /** Steps to the next entry of the array; false at its end. */
  item(most: u32): bool {
    return this.more(0x5d, "expected , or ]") && this.within(most);
  }

  /** Steps to the next value of the object, whatever its key is, which becomes the current text; false at its end. */
  member(most: u32): bool {
    if (!this.more(0x7d, "expected , or }") || !this.within(most)) return false;
    if (this.peek() != 0x22) return this.expected("expected a key");
    this.next();
    const frame = this.frame(this.depth - 1);
    frame.key = this.raw + 1;
    frame.keyLength = this.rawLength - 2;
    return this.accept(0x3a) || this.expected("expected :");
  }

  /** Steps to the next value of the object and sets `key` to the index of its key in `keys`; false at its end. */
  field(keys: Text): bool {
    if (!this.member(u32.MAX_VALUE)) return false;
    const index = wordIndex(keys, this.text, this.textLength);
    if (index < 0) {
      this.fail().ascii("unknown key, allowed: ").ascii(keys);
      return false;
    }
    const frame = this.frame(this.depth - 1);
    if ((frame.seen & (1 << index)) != 0) {
      this.repeatedKey();
      return false;
    }
    frame.seen |= 1 << index;
    this.key = index;
    return true;
  }

  /** The current key stood in this object already. */
  repeatedKey(): void {
    this.fail().ascii("duplicate key");
  }

  /** Whether the object that was left last had the key. */
  had(key: u32): bool {
    return ((this.seen >> key) & 1) != 0;
  }

  /** Demands key `key` of the object that was left last. */
  require(keys: Text, key: u32): void {
    if (!this.had(key)) this.failAt(keys, key).ascii("is required");
  }

  /** Demands that the object which was left last has not both keys. */
  exclude(keys: Text, key: u32, other: u32): void {
    if (!this.had(key) || !this.had(other)) return;
    writeWord(this.failAt(keys, key).ascii("not allowed together with "), keys, other);
  }
}

/** Writes a value as it stands in the document; of an object or array only that it is one. */
export function writeValue(writer: Writer, raw: usize, rawLength: u32): Writer {
  const first = load<u8>(raw);
  if (first == 0x7b) return writer.ascii("{...}");
  if (first == 0x5b) return writer.ascii("[...]");
  return writeRaw(writer, raw, rawLength);
}

/** Writes document text, cut short, with all that is not printable ASCII as `\\xNN`. */
function writeRaw(writer: Writer, raw: usize, rawLength: u32): Writer {
  const shown = min(rawLength, SHOWN_BYTES);
  for (let i: u32 = 0; i < shown; i++) {
    const byte = load<u8>(raw + i);
    if (byte - 0x20 < 0x5f) writer.byte(byte);
    else writer.ascii("\\x").hex(byte, 2);
  }
  return writer.ascii(shown < rawLength ? "..." : "");
}
