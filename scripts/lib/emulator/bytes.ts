/**
 * A byte string: one character a byte, U+0000 to U+00FF. Headers, properties and keys travel as byte strings,
 * which equal the plain text whenever it is ASCII.
 */
export type ByteString = string;

const NOT_ASCII = /[^\0-\x7f]/;
const UPPER_CASE = /[A-Z]+/g;

/** Text as the bytes of its UTF-8 encoding; bytes as they are. */
export function toByteString(value: string | Uint8Array): ByteString {
  if (typeof value !== "string") return Buffer.from(value).toString("latin1");
  return NOT_ASCII.test(value) ? Buffer.from(value, "utf8").toString("latin1") : value;
}

/** The bytes behind a byte string. */
export function toBytes(value: ByteString): Uint8Array {
  return Buffer.from(value, "latin1");
}

/** A byte string read as UTF-8 text. */
export function toText(value: ByteString): string {
  return NOT_ASCII.test(value) ? Buffer.from(value, "latin1").toString("utf8") : value;
}

/** Lower-cases A to Z only, as Envoy does with header names. */
export function lowerCase(value: ByteString): ByteString {
  return value.replace(UPPER_CASE, (letters) => letters.toLowerCase());
}

/** A signed 64-bit integer, little endian: how integers, durations (ns) and times (ns) are handed to a filter. */
export function int64Bytes(value: bigint): ByteString {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigInt64LE(BigInt.asIntN(64, value));
  return bytes.toString("latin1");
}

/** A double, little endian. */
export function doubleBytes(value: number): ByteString {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeDoubleLE(value);
  return bytes.toString("latin1");
}
