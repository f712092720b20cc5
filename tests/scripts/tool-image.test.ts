import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { extract } from "tar-stream";
import { parseChallenges } from "../../deploy/tool/oci/challenge.ts";
import { digestOf, sha256 } from "../../deploy/tool/oci/digest.ts";
import { buildImage, type Image } from "../../deploy/tool/oci/image.ts";
import { writeLayout } from "../../deploy/tool/oci/layout-directory.ts";
import { apiHost, isLoopback, parseReference, spellReference } from "../../deploy/tool/oci/reference.ts";
import { gzipStored } from "../../deploy/tool/oci/tarball.ts";
import { temporaryDirectory } from "../../scripts/lib/temporary.ts";

const module = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...randomBytes(70_000)]);
const facts = { version: "1.2.3", revision: "abc", source: "https://example.org/tickgate" };

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

interface Manifest {
  readonly schemaVersion: number;
  readonly mediaType: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>>;
}

function manifestOf({ manifest }: Image): Manifest {
  assert.equal(digestOf(manifest.bytes), manifest.digest);
  return JSON.parse(Buffer.from(manifest.bytes).toString());
}

function blobOf({ blobs }: Image, { mediaType, digest, size }: Descriptor): Uint8Array {
  const found = blobs.find((blob) => blob.digest === digest);
  assert.ok(found, digest);
  assert.deepEqual([found.mediaType, found.bytes.length, digestOf(found.bytes)], [mediaType, size, digest]);
  return found.bytes;
}

/** What Istio's `extractWasmPluginBinary` does with a layer. */
async function pluginIn(layer: Uint8Array): Promise<{ tar: Uint8Array; files: Map<string, Uint8Array> }> {
  const tar = gunzipSync(layer);
  const files = new Map<string, Uint8Array>();
  const archive = extract();
  archive.end(tar);
  for await (const entry of archive) files.set(entry.header.name, await buffer(entry));
  return { tar, files };
}

test("compat: an ordinary image whose last layer is a tar.gz with plugin.wasm", async () => {
  const image = await buildImage(module, "compat", facts);
  const manifest = manifestOf(image);
  assert.equal(manifest.schemaVersion, 2);
  assert.equal(manifest.mediaType, "application/vnd.oci.image.manifest.v1+json");
  assert.deepEqual(
    manifest.layers.map(({ mediaType }) => mediaType),
    ["application/vnd.oci.image.layer.v1.tar+gzip"],
  );
  const [layer] = manifest.layers;
  assert.ok(layer);
  const { tar, files } = await pluginIn(blobOf(image, layer));
  assert.deepEqual([...files.keys()], ["plugin.wasm"]);
  assert.deepEqual(Buffer.from(files.get("plugin.wasm") ?? []), Buffer.from(module));
  assert.equal(manifest.config.mediaType, "application/vnd.oci.image.config.v1+json");
  const config: { rootfs: object } = JSON.parse(Buffer.from(blobOf(image, manifest.config)).toString());
  assert.deepEqual(config.rootfs, { type: "layers", diff_ids: [digestOf(tar)] });
});

test("oci-artifact: two layers, one the module as it is", async () => {
  const image = await buildImage(module, "oci-artifact", facts);
  const manifest = manifestOf(image);
  assert.equal(manifest.layers.length, 2, "Istio takes no other number");
  assert.equal(manifest.config.mediaType, "application/vnd.module.wasm.config.v1+json");
  const wasm = manifest.layers.find(
    ({ mediaType }) => mediaType === "application/vnd.module.wasm.content.layer.v1+wasm",
  );
  assert.ok(wasm);
  assert.deepEqual(Buffer.from(blobOf(image, wasm)), Buffer.from(module));
  // Istio tries compat first, by the media type of the last layer.
  assert.notEqual(manifest.layers.at(-1)?.mediaType, "application/vnd.oci.image.layer.v1.tar+gzip");
});

test("annotations say what is known and nothing else", async () => {
  const { annotations } = manifestOf(await buildImage(module, "oci-artifact", facts));
  assert.deepEqual(annotations, {
    "dev.tickgate.wasm.sha256": sha256(module),
    "org.opencontainers.image.licenses": "Apache-2.0",
    "org.opencontainers.image.revision": "abc",
    "org.opencontainers.image.source": "https://example.org/tickgate",
    "org.opencontainers.image.title": "tickgate",
    "org.opencontainers.image.version": "1.2.3",
  });
  const bare = manifestOf(await buildImage(module, "compat", { version: "1" })).annotations;
  assert.equal(bare["module.wasm.image/variant"], "compat");
  assert.ok(!("org.opencontainers.image.revision" in bare) && !("org.opencontainers.image.source" in bare));
});

for (const layout of ["compat", "oci-artifact"] as const) {
  test(`${layout}: the same arguments give the same digest, any other another`, async () => {
    const fixed = new Uint8Array(100_000).fill(7);
    const digest = async (of: Uint8Array, version = "1"): Promise<string> =>
      (await buildImage(of, layout, { version })).manifest.digest;
    // Pinned: a change here changes what people have pinned.
    const expected = {
      compat: "sha256:6219ea6775ed93000ccd11e11c8c503250527a85d86546ae61ddf806b9e5904b",
      "oci-artifact": "sha256:d154d81afa657ce937363306b2cdec29e89fadb49660869820ddc7348829e417",
    };
    assert.equal(await digest(fixed), expected[layout]);
    assert.equal(await digest(fixed.slice()), expected[layout]);
    assert.notEqual(await digest(fixed, "2"), expected[layout]);
    assert.notEqual(await digest(fixed.with(5, 8)), expected[layout]);
  });
}

for (const length of [0, 1, 0xffff, 0x1_0000, 2 * 0xffff, 2 * 0xffff + 1]) {
  test(`gzip of ${length} bytes unpacks to them`, () => {
    const bytes = randomBytes(length);
    assert.deepEqual(gunzipSync(gzipStored(bytes)), bytes);
  });
}

test("an OCI layout holds every blob under its digest", async (t) => {
  const folder = await temporaryDirectory();
  const { path } = folder;
  t.after(() => folder.remove());
  const image = await buildImage(module, "compat", facts);
  await writeLayout(join(path, "out"), image, "1.2.3");
  const index: { manifests: (Descriptor & { annotations: Record<string, string> })[] } = JSON.parse(
    await readFile(join(path, "out", "index.json"), "utf8"),
  );
  assert.equal(index.manifests[0]?.digest, image.manifest.digest);
  assert.equal(index.manifests[0]?.annotations["org.opencontainers.image.ref.name"], "1.2.3");
  const names = await readdir(join(path, "out", "blobs", "sha256"));
  assert.equal(names.length, 3);
  for (const name of names)
    assert.equal(sha256(await readFile(join(path, "out", "blobs", "sha256", name))), name);
  await writeLayout(join(path, "out"), image, "1.2.3");
  await writeFile(join(path, "mine.txt"), "");
  await assert.rejects(writeLayout(path, image, undefined), /is not empty and no OCI layout/);
});

const digest = `sha256:${"a".repeat(64)}`;
for (const [text, registry, repository, tag, pinned] of [
  ["registry.example/a/b:1.2", "registry.example", "a/b", "1.2", undefined],
  ["oci://localhost:5000/a", "localhost:5000", "a", undefined, undefined],
  [`[::1]:5000/a:t@${digest}`, "[::1]:5000", "a", "t", digest],
  ["team/a", "docker.io", "team/a", undefined, undefined],
  ["a:1", "docker.io", "library/a", "1", undefined],
  [`r.io/a@${digest}`, "r.io", "a", undefined, digest],
] as const) {
  test(`reference ${text.slice(0, 40)}`, () => {
    const { tag: readTag, digest: readDigest, ...rest } = parseReference(text);
    assert.deepEqual([rest, readTag, readDigest], [{ registry, repository }, tag, pinned]);
    assert.deepEqual(parseReference(spellReference(parseReference(text))), parseReference(text));
  });
}

for (const text of [
  "",
  "r.io/",
  "r.io/A",
  "r.io/a:",
  "r.io/a:b c",
  "r.io/a@sha256:12",
  "r.io/a@b@c",
  "https://r.io/a",
  "us er@r.io/a",
  "r.io/../a",
  "r.io/a?b",
]) {
  test(`no reference: "${text}"`, () => assert.throws(() => parseReference(text), /is no image reference/));
}

test("where a registry is", () => {
  assert.equal(apiHost("docker.io"), "registry-1.docker.io");
  assert.equal(apiHost("r.io:5000"), "r.io:5000");
  const local = ["localhost", "localhost:5000", "127.0.0.1:1", "127.8.9.1", "[::1]:5"];
  const remote = ["r.io", "127.0.0.1.evil.io", "localhost.evil.io:5", "128.0.0.1"];
  assert.deepEqual(local.filter(isLoopback), local);
  assert.deepEqual(remote.filter(isLoopback), []);
});

for (const [header, expected] of [
  ["", []],
  ["Basic", [["basic", {}]]],
  [
    'Bearer realm="https://a/t",service="s, x",scope="p:q:pull,push"',
    [["bearer", { realm: "https://a/t", service: "s, x", scope: "p:q:pull,push" }]],
  ],
  ["bearer Realm=https://a/t , service=s", [["bearer", { realm: "https://a/t", service: "s" }]]],
  [
    'Basic realm="a \\"b\\", Bearer realm=c", Bearer realm="d"',
    [
      ["basic", { realm: 'a "b", Bearer realm=c' }],
      ["bearer", { realm: "d" }],
    ],
  ],
  [
    'Negotiate, Basic realm="x"',
    [
      ["negotiate", {}],
      ["basic", { realm: "x" }],
    ],
  ],
] as const) {
  test(`challenge: ${header}`, () => {
    assert.deepEqual(
      parseChallenges(header).map(({ scheme, parameters }) => [scheme, parameters]),
      expected,
    );
  });
}
