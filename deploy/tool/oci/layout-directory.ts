import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CliError } from "../../../scripts/lib/cli.ts";
import type { Image } from "./image.ts";

/**
 * Writes an image as an OCI image layout (oci-layout, index.json, blobs/sha256), which skopeo, oras and crane read.
 * `tag` becomes its name in the index. A CliError when the directory holds something else already.
 */
export async function writeLayout(directory: string, image: Image, tag: string | undefined): Promise<void> {
  const present = await readdir(directory).catch((): string[] => []);
  if (present.length > 0 && !present.includes("oci-layout")) {
    throw new CliError(`${directory} is not empty and no OCI layout`, "name a new directory");
  }
  const blobs = join(directory, "blobs", "sha256");
  await mkdir(blobs, { recursive: true });
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
