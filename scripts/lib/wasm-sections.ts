/** One section of a module: `id` 0 is a custom one. Offsets are into the module. */
export interface Section {
  readonly id: number;
  readonly start: number;
  readonly content: number;
  readonly end: number;
}

const moduleHeaderBytes = 8;

/** The sections of a module, in order. */
export function readSections(wasm: Uint8Array): Section[] {
  const found: Section[] = [];
  const reader = new Reader(wasm, moduleHeaderBytes);
  while (reader.at < wasm.length) {
    const start = reader.at;
    const id = reader.byte();
    const size = reader.number();
    found.push({ id, start, content: reader.at, end: reader.at + size });
    reader.at += size;
  }
  return found;
}

/** The module with a section's content replaced. */
export function replaceSection(
  wasm: Uint8Array,
  section: Section,
  content: readonly number[],
): Uint8Array<ArrayBuffer> {
  const rewritten = [section.id, ...leb(content.length), ...content];
  return new Uint8Array([...wasm.subarray(0, section.start), ...rewritten, ...wasm.subarray(section.end)]);
}

/** An unsigned number in LEB128. */
export function leb(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)];
}

/** A string with its length before it. */
export function lengthPrefixed(value: string): number[] {
  const bytes = new TextEncoder().encode(value);
  return [...leb(bytes.length), ...bytes];
}

/** Reads LEB128 numbers and UTF-8. */
export class Reader {
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
    return new TextDecoder().decode(this.take(length));
  }

  take(length: number): Uint8Array {
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}
