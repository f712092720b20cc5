/**
 * Function names in a module: Envoy shows them in the backtrace of a trap. asc writes a function as
 * `assembly/policy/quota/spend` or `assembly/store/slot/Slot#evict`; the path is a quarter of the module, so the
 * build keeps `quota/spend` and `Slot#evict`. Names of anything but functions are dropped.
 */
const functionNames = 1;

/** Names of the functions of a module, by function index; empty when it has no name section. */
export function readFunctionNames(wasm: Uint8Array): Map<number, string> {
  const names = new Map<number, string>();
  const section = sections(wasm).find(({ name }) => name === "name");
  if (section === undefined) return names;
  const reader = new Reader(wasm, section.content);
  while (reader.at < section.end) {
    const id = reader.byte();
    const size = reader.number();
    if (id !== functionNames) {
      reader.at += size;
      continue;
    }
    for (let count = reader.number(); count > 0; count--)
      names.set(reader.number(), reader.text(reader.number()));
  }
  return names;
}

/** The same module with short function names. */
export function shortenNames(wasm: Uint8Array): Uint8Array<ArrayBuffer> {
  const section = sections(wasm).find(({ name }) => name === "name");
  if (section === undefined) return new Uint8Array(wasm);
  const entries = Array.from(readFunctionNames(wasm), ([index, name]) =>
    leb(index).concat(text(shortName(name))),
  );
  const map = [...leb(entries.length), ...entries.flat()];
  const content = [...text("name"), functionNames, ...leb(map.length), ...map];
  const rewritten = [0, ...leb(content.length), ...content];
  return new Uint8Array([...wasm.subarray(0, section.start), ...rewritten, ...wasm.subarray(section.end)]);
}

/** `quota/spend` for a function, `Slot#evict` for a method. */
export function shortName(name: string): string {
  const parts = name.split("/");
  const last = parts.at(-1) ?? name;
  return /[#.]/.test(last) || parts.length < 2 ? last : parts.slice(-2).join("/");
}

interface Section {
  readonly name: string;
  readonly start: number;
  readonly content: number;
  readonly end: number;
}

/** The custom sections of a module. */
function sections(wasm: Uint8Array): Section[] {
  const headerBytes = 8;
  const found: Section[] = [];
  const reader = new Reader(wasm, headerBytes);
  while (reader.at < wasm.length) {
    const start = reader.at;
    const id = reader.byte();
    const size = reader.number();
    const end = reader.at + size;
    if (id === 0) {
      const name = reader.text(reader.number());
      found.push({ name, start, content: reader.at, end });
    }
    reader.at = end;
  }
  return found;
}

function leb(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)];
}

function text(value: string): number[] {
  const bytes = new TextEncoder().encode(value);
  return [...leb(bytes.length), ...bytes];
}

/** Reads LEB128 numbers and UTF-8. */
class Reader {
  at: number;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes;
    this.at = at;
  }

  byte(): number {
    return this.bytes[this.at++] ?? 0;
  }

  number(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  }

  text(length: number): string {
    this.at += length;
    return new TextDecoder().decode(this.bytes.subarray(this.at - length, this.at));
  }
}
