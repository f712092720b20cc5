import { Text } from "../text/literal";
import { NO_DURATION, parseDuration } from "../text/duration";
import { Token } from "../text/json";
import { matches } from "../text/pattern";
import { wordIndex } from "../text/words";
import { Document } from "./document";

/** What names and texts of a configuration look like. */
export const NAME = "[a-z][a-z0-9_-]{0,63}";
export const LABEL = "[a-z][a-z0-9_]{0,31}";
export const METHOD = "[A-Z]{1,16}";
export const HEADER_NAME = "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}";
export const PRINTABLE = "[ -~]{1,64}";
export const SPIFFE_ID = "spiffe://[!-~]{1,2039}";
export const ENVIRONMENT_NAME = "[A-Za-z_][A-Za-z0-9_]{0,127}";

/** Most of a limit, a burst and a cost. */
export const MOST_TOKENS: u64 = 1_000_000_000;

/** Reads a text into `document.text`. */
export function readText(document: Document): bool {
  if (document.next() == Token.text) return true;
  document.refuseUnless("a string");
  return false;
}

/** Reads a text of a pattern. */
export function readPattern(document: Document, pattern: Text): bool {
  if (!readText(document)) return false;
  if (matches(document.text, document.textLength, pattern)) return true;
  document.refuse("does not match ").ascii(pattern);
  return false;
}

/** Demands that the key just read matches a pattern. */
export function checkKey(document: Document, pattern: Text): bool {
  if (matches(document.text, document.textLength, pattern)) return true;
  document.fail().ascii("does not match ").ascii(pattern);
  return false;
}

/** Reads one of the words; returns its index, 0 after an error. */
export function readChoice(document: Document, words: Text): u8 {
  const isText = document.next() == Token.text;
  const index = isText ? wordIndex(words, document.text, document.textLength) : -1;
  if (index >= 0) return <u8>index;
  document.refuseUnless("one of ").ascii(words);
  return 0;
}

/** Reads `true` or `false`. */
export function readFlag(document: Document): bool {
  const token = document.next();
  if (token != Token.yes && token != Token.no) document.refuseUnless("true or false");
  return token == Token.yes;
}

/** Reads an integer; returns `least` after an error. */
export function readInteger(document: Document, least: u64, most: u64): u64 {
  const isNumber = document.next() == Token.number;
  const number = document.number;
  if (!isNumber || !number.integer) {
    document.refuseUnless("an integer");
    return least;
  }
  const value = number.magnitude;
  if (value >= least && value <= most && !(number.negative && value != 0)) return value;
  document.refuseUnless("in ").decimal(least).ascii("..").decimal(most);
  return least;
}

/** Reads a duration into nanoseconds; `range` spells the limits. Returns `least` after an error. */
export function readDuration(document: Document, least: u64, most: u64, range: Text): u64 {
  const isText = document.next() == Token.text;
  const nanos = isText ? parseDuration(document.text, document.textLength) : NO_DURATION;
  if (nanos == NO_DURATION) {
    document.refuseUnless("a duration such as 250us, 10ms, 1s, 5m, 1h");
    return least;
  }
  if (nanos >= least && nanos <= most) return nanos;
  document.refuseUnless("in ").ascii(range);
  return least;
}
