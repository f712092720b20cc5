import { leb, Reader, readSections, replaceSection } from "./wasm-sections.ts";

const dataSection = 11;
const dataCountSection = 12;
const i32Const = 0x41;
const end = 0x0b;
/** What the head of a segment takes: a gap of less is cheaper filled with zeros. */
const segmentHeadBytes = 7;

interface Segment {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** The same module with neighbouring data segments in one: asc writes a segment for every literal. */
export function mergeSegments(wasm: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const section = readSections(wasm).find(({ id }) => id === dataSection);
  if (section === undefined) return wasm;
  const merged = merge(readSegments(wasm, section.content));
  const content = [...leb(merged.length), ...merged.flatMap(encode)];
  const smaller = replaceSection(wasm, section, content);
  const count = readSections(smaller).find(({ id }) => id === dataCountSection);
  return count === undefined ? smaller : replaceSection(smaller, count, leb(merged.length));
}

function merge(segments: readonly Segment[]): Segment[] {
  const merged: Segment[] = [];
  for (const segment of segments.toSorted((a, b) => a.address - b.address)) {
    const last = merged.at(-1);
    const gap = last === undefined ? segmentHeadBytes : segment.address - last.address - last.bytes.length;
    if (last === undefined || gap >= segmentHeadBytes) merged.push(segment);
    else merged[merged.length - 1] = join(last, segment, gap);
  }
  return merged;
}

function join(first: Segment, second: Segment, gap: number): Segment {
  return {
    address: first.address,
    bytes: Uint8Array.from([...first.bytes, ...new Uint8Array(gap), ...second.bytes]),
  };
}

/** The active segments of memory 0; asc writes no others. */
function readSegments(wasm: Uint8Array, content: number): Segment[] {
  const reader = new Reader(wasm, content);
  return Array.from({ length: reader.number() }, () => {
    const [mode, opcode] = [reader.byte(), reader.byte()];
    const address = reader.number();
    if (mode !== 0 || opcode !== i32Const || reader.byte() !== end)
      throw new Error("an unexpected data segment");
    return { address, bytes: reader.take(reader.number()) };
  });
}

function encode({ address, bytes }: Segment): number[] {
  return [0, i32Const, ...signedLeb(address), end, ...leb(bytes.length), ...bytes];
}

/** A number of 0 or more in signed LEB128: bit 6 of the last byte is the sign. */
function signedLeb(value: number): number[] {
  return value < 64 ? [value] : [(value & 127) | 128, ...signedLeb(value >>> 7)];
}
