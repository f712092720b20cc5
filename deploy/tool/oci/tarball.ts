import { crc32 } from "node:zlib";
import { buffer } from "node:stream/consumers";
import { pack } from "tar-stream";

const storedBlockBytes = 0xffff;

/** A tar archive with one file; owner, mode and time are fixed, so that the same file gives the same bytes. */
export async function tarOf(name: string, bytes: Uint8Array): Promise<Uint8Array> {
  const archive = pack();
  archive.entry(
    { name, mode: 0o644, uid: 0, gid: 0, uname: "", gname: "", mtime: new Date(0), type: "file" },
    Buffer.from(bytes),
  );
  archive.finalize();
  return buffer(archive);
}

/**
 * A gzip file (RFC 1952) that stores its bytes uncompressed. What a compressor makes of them differs between versions
 * of zlib, and with it the digest of the image; the module is small.
 */
export function gzipStored(bytes: Uint8Array): Uint8Array {
  // No time, and 255 for an unknown system.
  const parts = [Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])];
  for (let at = 0; at === 0 || at < bytes.length; at += storedBlockBytes) {
    const block = bytes.subarray(at, at + storedBlockBytes);
    const head = Buffer.alloc(5);
    head.writeUInt8(at + block.length >= bytes.length ? 1 : 0, 0);
    head.writeUInt16LE(block.length, 1);
    head.writeUInt16LE(~block.length & 0xffff, 3);
    parts.push(head, Buffer.from(block));
  }
  const tail = Buffer.alloc(8);
  tail.writeUInt32LE(crc32(bytes), 0);
  tail.writeUInt32LE(bytes.length, 4);
  return Buffer.concat([...parts, tail]);
}
