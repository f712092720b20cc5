import { Status } from "./status.ts";
import type { ByteString } from "./bytes.ts";

/** A filter's linear memory as the host sees it: every access is checked, nothing throws. */
export class VmMemory {
  readonly #memory: WebAssembly.Memory;
  readonly #allocate: (size: number) => number;
  #source: ArrayBufferLike;
  #bytes: Buffer;

  /** `allocate` calls the module's malloc: a pointer, or 0. */
  constructor(memory: WebAssembly.Memory, allocate: (size: number) => number) {
    this.#memory = memory;
    this.#allocate = allocate;
    this.#source = memory.buffer;
    this.#bytes = Buffer.from(memory.buffer);
  }

  /** The memory now; a view, not to be kept across calls into the VM. */
  get bytes(): Buffer {
    const buffer = this.#memory.buffer;
    if (buffer !== this.#source) {
      this.#source = buffer;
      this.#bytes = Buffer.from(buffer);
    }
    return this.#bytes;
  }

  get byteLength(): number {
    return this.#memory.buffer.byteLength;
  }

  /** A byte string, or undefined out of bounds. Arguments are i32 of either sign. */
  text(pointer: number, size: number): ByteString | undefined {
    const { bytes } = this;
    const start = pointer >>> 0;
    const end = start + (size >>> 0);
    return end > bytes.length ? undefined : bytes.toString("latin1", start, end);
  }

  /** A view of the bytes, or undefined out of bounds. Copy it to keep it. */
  view(pointer: number, size: number): Uint8Array | undefined {
    const { bytes } = this;
    const start = pointer >>> 0;
    const end = start + (size >>> 0);
    return end > bytes.length ? undefined : new Uint8Array(bytes.buffer, start, end - start);
  }

  writeU32(pointer: number, value: number): boolean {
    const { bytes } = this;
    const start = pointer >>> 0;
    if (start + 4 > bytes.length) return false;
    bytes.writeUInt32LE(value >>> 0, start);
    return true;
  }

  writeU64(pointer: number, value: bigint): boolean {
    const { bytes } = this;
    const start = pointer >>> 0;
    if (start + 8 > bytes.length) return false;
    bytes.writeBigUInt64LE(BigInt.asUintN(64, value), start);
    return true;
  }

  writeBytes(pointer: number, value: ByteString | Uint8Array): boolean {
    const { bytes } = this;
    const start = pointer >>> 0;
    if (start + value.length > bytes.length) return false;
    if (typeof value === "string") bytes.write(value, start, "latin1");
    else bytes.set(value, start);
    return true;
  }

  /** Asks the module for `size` bytes: their address, or undefined where malloc gave 0 or a place out of bounds. */
  allocate(size: number): number | undefined {
    const pointer = this.#allocate(size) >>> 0;
    return pointer === 0 || pointer + size > this.byteLength ? undefined : pointer;
  }

  /** Copies a value in and tells the filter where: nothing is allocated for an empty one (pointer 0, size 0). */
  copyOut(value: ByteString | Uint8Array, pointerAt: number, sizeAt: number): Status {
    let pointer: number | undefined = 0;
    if (value.length > 0) {
      pointer = this.allocate(value.length);
      if (pointer === undefined || !this.writeBytes(pointer, value)) return Status.InvalidMemoryAccess;
    }
    const told = this.writeU32(pointerAt, pointer) && this.writeU32(sizeAt, value.length);
    return told ? Status.Ok : Status.InvalidMemoryAccess;
  }
}
