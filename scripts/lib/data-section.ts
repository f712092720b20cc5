import { leb, Reader, readSections, replaceSection } from "./wasm-sections.ts";

const dataSection = 11;
const dataCountSection = 12;
const i32Const = 0x41;
const end = 0x0b;
/** From the allocator's word in the header of a static object to the object's class id. */
const classIdOffset = 12;
const stringClassId = 2;
const wordBytes = 4;

interface Segment {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/**
 * The same module without the allocator's word of its string literals. Nothing reads it where there is no managed
 * runtime (the build checks that), and as a segment of its own each takes 8 bytes: 1.8 KB of 64.
 */
export function dropAllocatorWords(wasm: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const section = readSections(wasm).find(({ id }) => id === dataSection);
  if (section === undefined) return wasm;
  const segments = readSegments(wasm, section.content);
  const kept = segments.filter((segment, index) => !isAllocatorWord(segment, segments[index + 1]));
  const content = [...leb(kept.length), ...kept.flatMap(encode)];
  const smaller = replaceSection(wasm, section, content);
  const count = readSections(smaller).find(({ id }) => id === dataCountSection);
  return count === undefined ? smaller : replaceSection(smaller, count, leb(kept.length));
}

function isAllocatorWord({ address, bytes }: Segment, next: Segment | undefined): boolean {
  if (bytes.length > wordBytes || next === undefined) return false;
  return next.address === address + classIdOffset && next.bytes[0] === stringClassId;
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
