/** An import as a module spells it. Types are there for functions only. */
export interface ModuleImport {
  readonly module: string;
  readonly name: string;
  readonly kind: "function" | "table" | "memory" | "global" | "tag";
  readonly params: readonly string[];
  readonly results: readonly string[];
}

interface Section {
  readonly id: number;
  /** Where the section's id byte is. */
  readonly start: number;
  /** Where its contents begin and end. */
  readonly body: number;
  readonly end: number;
}

const SECTION = { type: 1, import: 2, memory: 5 } as const;
const HEADER_SIZE = 8;
const KINDS = ["function", "table", "memory", "global", "tag"] as const;
const VALUE_TYPES: Readonly<Record<number, string>> = { 0x7f: "i32", 0x7e: "i64", 0x7d: "f32", 0x7c: "f64" };

/** Reads a WebAssembly binary front to back; throws RangeError past its end. */
class Reader {
  readonly #bytes: Uint8Array;
  position: number;

  constructor(bytes: Uint8Array, position: number) {
    this.#bytes = bytes;
    this.position = position;
  }

  byte(): number {
    const byte = this.#bytes[this.position++];
    if (byte === undefined) throw new RangeError("the WebAssembly binary ends too early");
    return byte;
  }

  /** An unsigned LEB128 number. */
  number(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    return value;
  }

  name(): string {
    const size = this.number();
    const start = this.position;
    this.position += size;
    return Buffer.from(this.#bytes.subarray(start, this.position)).toString("utf8");
  }

  types(): string[] {
    return Array.from({ length: this.number() }, () => VALUE_TYPES[this.byte()] ?? "other");
  }

  /** Skips the limits of a table or memory. */
  limits(): void {
    const flags = this.byte();
    this.number();
    if ((flags & 1) !== 0) this.number();
  }
}

function sections(bytes: Uint8Array): Section[] {
  const found: Section[] = [];
  const reader = new Reader(bytes, HEADER_SIZE);
  while (reader.position < bytes.length) {
    const start = reader.position;
    const id = reader.byte();
    const size = reader.number();
    found.push({ id, start, body: reader.position, end: reader.position + size });
    reader.position += size;
  }
  return found;
}

function readTypes(
  bytes: Uint8Array,
  section: Section | undefined,
): { params: string[]; results: string[] }[] {
  if (section === undefined) return [];
  const reader = new Reader(bytes, section.body);
  return Array.from({ length: reader.number() }, () => {
    reader.byte();
    return { params: reader.types(), results: reader.types() };
  });
}

function skipDescription(reader: Reader, kind: ModuleImport["kind"]): void {
  if (kind === "table") reader.byte();
  if (kind === "table" || kind === "memory") reader.limits();
  if (kind === "global") reader.position += 2;
  if (kind === "tag") {
    reader.byte();
    reader.number();
  }
}

/** The imports of a module with their types, which `WebAssembly.Module.imports` does not tell. */
export function readImports(bytes: Uint8Array): ModuleImport[] {
  const all = sections(bytes);
  const types = readTypes(
    bytes,
    all.find((one) => one.id === SECTION.type),
  );
  const section = all.find((one) => one.id === SECTION.import);
  if (section === undefined) return [];
  const reader = new Reader(bytes, section.body);
  return Array.from({ length: reader.number() }, () => {
    const module = reader.name();
    const name = reader.name();
    const kind = KINDS[reader.byte()] ?? "tag";
    if (kind === "function") {
      const type = types[reader.number()];
      return { module, name, kind, params: type?.params ?? [], results: type?.results ?? [] };
    }
    skipDescription(reader, kind);
    return { module, name, kind, params: [], results: [] };
  });
}

function leb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const more = rest > 0x7f;
    bytes.push((rest & 0x7f) | (more ? 0x80 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return bytes;
}

/** The module with its memory's maximum lowered to `maxPages`, so that growth past it fails as on Envoy. */
export function limitMemory(bytes: Uint8Array, maxPages: number): Uint8Array {
  const section = sections(bytes).find((one) => one.id === SECTION.memory);
  if (section === undefined) return bytes;
  const reader = new Reader(bytes, section.body);
  if (reader.number() !== 1) return bytes;
  const flags = reader.byte();
  const initial = reader.number();
  const maximum = (flags & 1) === 0 ? maxPages : Math.min(reader.number(), maxPages);
  const body = [1, flags | 1, ...leb(initial), ...leb(Math.max(maximum, initial))];
  return Buffer.concat([
    bytes.subarray(0, section.start),
    Uint8Array.from([SECTION.memory, ...leb(body.length), ...body]),
    bytes.subarray(section.end),
  ]);
}
