import { environ_get, environ_sizes_get, random_get } from "./abi";
import { malloc } from "./memory";
import { Range, sameBytes } from "../text/bytes";

const sizes = memory.data(8);
const MAX_VARIABLES: u32 = 1024;
const MAX_BYTES: u32 = 1 << 20;

/** Finds a variable of the VM (`vmConfig.env`) by its name. False: not set, or unreadable. The value lives until `resetArena`. */
export function readVariable(name: usize, nameLength: u32, value: Range): bool {
  if (environ_sizes_get(sizes, sizes + 4) != 0) return false;
  const count = load<u32>(sizes);
  const bytes = load<u32>(sizes, 4);
  if (count == 0 || count > MAX_VARIABLES || bytes > MAX_BYTES) return false;
  const pointers = malloc(<usize>count * 4);
  const buffer = malloc(bytes);
  if (pointers == 0 || buffer == 0 || environ_get(pointers, buffer) != 0) return false;
  for (let i: u32 = 0; i < count; i++) {
    const entry = load<usize>(pointers + <usize>i * 4);
    if (entry < buffer || entry >= buffer + bytes) continue;
    if (matchEntry(entry, buffer + bytes, name, nameLength, value)) return true;
  }
  return false;
}

function matchEntry(entry: usize, limit: usize, name: usize, nameLength: u32, value: Range): bool {
  const start = entry + nameLength + 1;
  if (start > limit || !sameBytes(entry, nameLength, name, nameLength)) return false;
  if (load<u8>(start - 1) != 0x3d) return false;
  let stop = start;
  while (stop < limit && load<u8>(stop) != 0) stop++;
  value.set(start, <u32>(stop - start));
  return true;
}

/** Fills a buffer with random bytes. False: the host has none to give. */
export function fillRandom(buffer: usize, length: u32): bool {
  return random_get(buffer, length) == 0;
}
