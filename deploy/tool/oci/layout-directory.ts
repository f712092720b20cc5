import { mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { CliError } from "../../../scripts/lib/cli.ts";
import { wordsOf } from "../given-file.ts";
import type { Image } from "./image.ts";

/**
 * Writes an image as an OCI image layout (oci-layout, index.json, blobs/sha256), which skopeo, oras and crane read.
 * `tag` becomes its name in the index. A CliError when the directory holds something else already, or can't be written.
 */
export async function writeLayout(directory: string, image: Image, tag: string | undefined): Promise<void> {
  try {
    const present = await entriesOf(directory);
    if (present.length > 0 && !present.includes("oci-layout"))
      throw new CliError(`${directory} is not empty and no OCI layout`, "name a new directory");
    await writeFiles(directory, image, tag);
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    throw new CliError(`${directory} can't be written: ${wordsOf(error)}`, "name a new directory");
  }
}

async function entriesOf(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    if (hasCode(error, "ENOTDIR")) throw new CliError(`${directory} is no directory`, "name a new directory");
    throw error;
  }
}

/** `mkdir -p`. That of Node asks for ever where a file system has no such place for anybody, as in /proc. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (hasCode(error, "EEXIST")) return;
    if (!hasCode(error, "ENOENT") || dirname(path) === path) throw error;
    await makeDirectory(dirname(path));
    await mkdir(path);
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

async function writeFiles(directory: string, image: Image, tag: string | undefined): Promise<void> {
  const blobs = join(directory, "blobs", "sha256");
  await makeDirectory(resolve(blobs));
  for (const { digest, bytes } of [...image.blobs, image.manifest]) {
    await writeFile(join(blobs, digest.replace("sha256:", "")), bytes);
  }
  const { mediaType, digest, bytes } = image.manifest;
  const name = tag === undefined ? {} : { annotations: { "org.opencontainers.image.ref.name": tag } };
  const index = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [{ mediaType, digest, size: bytes.length, ...name }],
  };
  await writeFile(join(directory, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  await writeFile(join(directory, "index.json"), JSON.stringify(index));
}
