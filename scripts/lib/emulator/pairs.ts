import type { ByteString } from "./bytes.ts";
import { HeaderMap } from "./headers.ts";

// Envoy's limits on pairs a filter sends (proxy-wasm-cpp-host limits.h).
const MAX_PAIRS = 1024;
const MAX_PAIRS_BYTES = 1024 * 1024;

/** The size of a map as a pair blob: u32 count, count x (u32, u32) lengths, then each name and value with a NUL. */
export function pairsSize(map: HeaderMap): number {
  return 4 + map.length * 10 + map.byteSize;
}

/** Writes the blob of `pairsSize(map)` bytes at `start`. */
export function writePairs(map: HeaderMap, target: Buffer, start: number): void {
  let lengths = target.writeUInt32LE(map.length, start);
  let text = lengths + map.length * 8;
  for (let i = 0; i < map.length; i++) {
    const name = map.name(i);
    const value = map.value(i);
    lengths = target.writeUInt32LE(name.length, lengths);
    lengths = target.writeUInt32LE(value.length, lengths);
    text += target.write(name, text, "latin1");
    target[text++] = 0;
    text += target.write(value, text, "latin1");
    target[text++] = 0;
  }
}

/** A map as a fresh pair blob. */
export function encodePairs(map: HeaderMap): ByteString {
  const blob = Buffer.allocUnsafe(pairsSize(map));
  writePairs(map, blob, 0);
  return blob.toString("latin1");
}

/** Reads a blob strictly; anything malformed or over Envoy's limits is an empty list, as in Envoy. */
export function decodePairs(bytes: Uint8Array): [ByteString, ByteString][] {
  const blob = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (blob.length < 4 || blob.length > MAX_PAIRS_BYTES) return [];
  const count = blob.readUInt32LE(0);
  let text = 4 + count * 8;
  if (count > MAX_PAIRS || text > blob.length) return [];
  const pairs: [ByteString, ByteString][] = [];
  for (let i = 0; i < count; i++) {
    const nameEnd = text + blob.readUInt32LE(4 + i * 8);
    const valueEnd = nameEnd + 1 + blob.readUInt32LE(8 + i * 8);
    if (valueEnd >= blob.length || blob[nameEnd] !== 0 || blob[valueEnd] !== 0) return [];
    pairs.push([blob.toString("latin1", text, nameEnd), blob.toString("latin1", nameEnd + 1, valueEnd)]);
    text = valueEnd + 1;
  }
  return text === blob.length ? pairs : [];
}
