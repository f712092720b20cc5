import { spellPath } from "./path.ts";
import { findSyntaxFault } from "./syntax.ts";
import type { ConfigProblem } from "./types.ts";

/** Most bytes of a document. */
const maxBytes = 1_048_576;

// In a text that JSON.parse has accepted: strings, punctuation, and everything between as one token.
const tokenPattern = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s"{}[\],:]+/g;
const loneSurrogate = /\p{Surrogate}/u;
const numberPattern = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** What a document says, or what keeps it from being read. */
export type DocumentResult =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly errors: readonly ConfigProblem[] };

/**
 * Reads JSON as strictly as the filter does: RFC 8259 in well-formed UTF-8, at most 1 MiB, no key twice in an object,
 * and no number that JavaScript would round to an integer. No bytes at all are an empty object.
 */
export function readDocument(input: string | Uint8Array): DocumentResult {
  const text = typeof input === "string" ? input : decode(input);
  if (text === undefined || loneSurrogate.test(text)) return refused("document", "is not UTF-8");
  const bytes = Buffer.byteLength(text);
  if (bytes > maxBytes) return refused("document", `${bytes} bytes are more than ${maxBytes}`);
  if (text === "") return { ok: true, value: {} };
  if (text.startsWith("\ufeff")) return refused("document", "begins with a byte order mark: save it without");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const fault = findSyntaxFault(text);
    if (fault === undefined) throw error;
    return refused("document", `line ${fault.line}, column ${fault.column}: ${fault.message}`);
  }
  const errors = findLapses(text);
  return errors.length > 0 ? { ok: false, errors } : { ok: true, value };
}

function refused(path: string, message: string): DocumentResult {
  return { ok: false, errors: [{ path, message }] };
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

interface Level {
  /** Of an object: the keys seen. */
  readonly keys: Set<string> | undefined;
  step: string | number;
  /** Whether the next string is a key. */
  awaitsKey: boolean;
}

/** What JSON.parse lets pass: duplicate keys, lone surrogates, numbers that are only nearly integers. */
function findLapses(text: string): ConfigProblem[] {
  const errors: ConfigProblem[] = [];
  const levels: Level[] = [];
  const note = (message: string): number =>
    errors.push({ path: spellPath(levels.map(({ step }) => step)), message });
  for (const [token] of text.matchAll(tokenPattern)) {
    const level = levels.at(-1);
    const lapse = token.startsWith('"') ? takeString(token, level) : takeToken(token, levels);
    if (lapse !== undefined) note(lapse);
  }
  return errors;
}

function takeString(token: string, level: Level | undefined): string | undefined {
  const value = String(JSON.parse(token));
  if (loneSurrogate.test(value)) return "has a lone surrogate";
  if (level?.keys === undefined || !level.awaitsKey) return undefined;
  level.awaitsKey = false;
  level.step = value;
  if (level.keys.has(value)) return "duplicate key";
  level.keys.add(value);
  return undefined;
}

function takeToken(token: string, levels: Level[]): string | undefined {
  const level = levels.at(-1);
  switch (token) {
    case "{":
      levels.push({ keys: new Set(), step: "", awaitsKey: true });
      return undefined;
    case "[":
      levels.push({ keys: undefined, step: 0, awaitsKey: false });
      return undefined;
    case "}":
    case "]":
      levels.pop();
      return undefined;
    case ",":
      if (level !== undefined) advance(level);
      return undefined;
    default:
      return isNearInteger(token) ? `${token.slice(0, 32)} is not an integer` : undefined;
  }
}

function advance(level: Level): void {
  level.awaitsKey = level.keys !== undefined;
  if (typeof level.step === "number") level.step += 1;
}

function isNearInteger(token: string): boolean {
  const [, whole = "", fraction = "", exponent = "0"] = numberPattern.exec(token) ?? [];
  if (!Number.isInteger(Number(token))) return false;
  const digits = (whole + fraction).replace(/^0+/, "");
  if (digits === "") return false;
  const trailing = digits.length - digits.replace(/0+$/, "").length;
  return Number(exponent) - fraction.length + trailing < 0;
}
