import { digestOf, sha256 } from "./digest.ts";
import { gzipStored, tarOf } from "./tarball.ts";

/** The two layouts that Istio pulls (pkg/wasm/imagefetcher.go). */
export type Layout = "compat" | "oci-artifact";

/** Bytes that a manifest refers to. */
export interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly bytes: Uint8Array;
}

/** An image ready to be pushed or written: its manifest and what that refers to, each blob once. */
export interface Image {
  readonly layout: Layout;
  readonly manifest: Blob;
  readonly blobs: readonly Blob[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly moduleSha256: string;
}

/** What an image says of itself beside the module. */
export interface ImageFacts {
  readonly version: string;
  /** Commit of the sources. */
  readonly revision?: string;
  /** Address of the sources. */
  readonly source?: string;
}

/** Media type of an OCI manifest. */
export const manifestMediaType = "application/vnd.oci.image.manifest.v1+json";

const wasmConfigMediaType = "application/vnd.module.wasm.config.v1+json";
const wasmLayerMediaType = "application/vnd.module.wasm.content.layer.v1+wasm";

/** Makes the image of a module. No time and no randomness goes in: the same arguments give the same digest. */
export async function buildImage(module: Uint8Array, layout: Layout, facts: ImageFacts): Promise<Image> {
  const moduleSha256 = sha256(module);
  const { config, layers } = layout === "compat" ? await compatBlobs(module) : artifactBlobs(module);
  const annotations = annotationsOf(layout, facts, moduleSha256);
  const manifest = jsonBlob(manifestMediaType, {
    schemaVersion: 2,
    mediaType: manifestMediaType,
    config: descriptor(config),
    layers: layers.map(descriptor),
    annotations,
  });
  const all = [config, ...layers];
  const blobs = all.filter(
    ({ digest }, index) => all.findIndex((other) => other.digest === digest) === index,
  );
  return { layout, manifest, blobs, annotations, moduleSha256 };
}

interface Parts {
  readonly config: Blob;
  readonly layers: readonly Blob[];
}

/** An ordinary image whose last layer is a tar.gz with `plugin.wasm`. Every registry and every tool takes it. */
async function compatBlobs(module: Uint8Array): Promise<Parts> {
  const tar = await tarOf("plugin.wasm", module);
  const layer = blob("application/vnd.oci.image.layer.v1.tar+gzip", gzipStored(tar));
  const config = jsonBlob("application/vnd.oci.image.config.v1+json", {
    architecture: "wasm",
    os: "wasip1",
    config: {},
    rootfs: { type: "layers", diff_ids: [digestOf(tar)] },
  });
  return { config, layers: [layer] };
}

/** Two layers, as Istio wants: the module itself and a description of what it is made for. */
function artifactBlobs(module: Uint8Array): Parts {
  const config = jsonBlob(wasmConfigMediaType, {
    type: "envoy_proxy",
    abiVersions: ["proxy_abi_version_0_2_1"],
    config: { rootIds: ["tickgate"] },
  });
  return { config, layers: [blob(wasmLayerMediaType, module), config] };
}

function annotationsOf(layout: Layout, facts: ImageFacts, moduleSha256: string): Record<string, string> {
  return {
    "dev.tickgate.wasm.sha256": moduleSha256,
    ...(layout === "compat" ? { "module.wasm.image/variant": "compat" } : {}),
    "org.opencontainers.image.licenses": "Apache-2.0",
    ...(facts.revision === undefined ? {} : { "org.opencontainers.image.revision": facts.revision }),
    ...(facts.source === undefined ? {} : { "org.opencontainers.image.source": facts.source }),
    "org.opencontainers.image.title": "tickgate",
    "org.opencontainers.image.version": facts.version,
  };
}

function descriptor({ mediaType, digest, bytes }: Blob): object {
  return { mediaType, digest, size: bytes.length };
}

function blob(mediaType: string, bytes: Uint8Array): Blob {
  return { mediaType, digest: digestOf(bytes), bytes };
}

function jsonBlob(mediaType: string, value: object): Blob {
  return blob(mediaType, new TextEncoder().encode(JSON.stringify(value)));
}
