import { withProgress } from "../../../scripts/lib/cli.ts";
import type { Image } from "./image.ts";
import type { ImageReference } from "./reference.ts";
import { openRepository, type RegistryOptions } from "./registry.ts";

/** What a push has changed. */
export interface Pushed {
  /** Blobs that the registry did not have. */
  readonly uploaded: number;
  /** What the tag named before, when that was something else. */
  readonly replaced?: string;
}

/** Pushes an image under the reference's tag and verifies that the registry then has this digest there. */
export async function pushImage(
  image: Image,
  reference: ImageReference & { readonly tag: string },
  options: RegistryOptions,
): Promise<Pushed> {
  const repository = await openRepository(reference, "pull,push", options);
  const push = async (): Promise<Pushed> => {
    const before = await repository.headManifest(reference.tag);
    let uploaded = 0;
    for (const blob of image.blobs) uploaded += (await repository.putBlob(blob)) ? 1 : 0;
    await repository.putManifest(reference.tag, image.manifest);
    const other = before !== undefined && before.digest !== image.manifest.digest;
    return { uploaded, ...(other ? { replaced: before.digest } : {}) };
  };
  try {
    return await withProgress(`Pushing to ${reference.registry}/${reference.repository}`, push);
  } finally {
    await repository.close();
  }
}
