import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { buildImage } from "../../deploy/tool/oci/image.ts";
import { pushImage } from "../../deploy/tool/oci/push.ts";
import type { ImageReference } from "../../deploy/tool/oci/reference.ts";
import { headManifest, resolveDigest } from "../../deploy/tool/oci/registry.ts";
import { freePort } from "../../scripts/lib/ports.ts";
import { startChild, waitFor } from "../../scripts/lib/process.ts";
import { provisionRegistry } from "../../scripts/lib/provision/registry.ts";
import { temporaryDirectory } from "../../scripts/lib/temporary.ts";

// What tests/scripts/tool-package.test.ts does with a registry of its own, with the one that people run.

const module = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
const password = "pass-of-robot";
/** bcrypt of `password`, as `htpasswd -B` writes it. */
const htpasswd = "robot:$2y$05$abcdefghijklmnopqrstuu6Gwhnj2PT.ZiTT/QwOv/KFsyn1gXKg.\n";

/** A docker-registry on loopback that goes with the test; with `htpasswd` it wants to know who is calling. */
async function startDockerRegistry(t: TestContext, protectedBy?: string): Promise<string> {
  const { path: program } = await provisionRegistry();
  const folder = await temporaryDirectory();
  const port = await freePort();
  const config = join(folder.path, "config.yml");
  const users = join(folder.path, "users");
  const lines = [
    "version: 0.1",
    "log: { level: warn, accesslog: { disabled: true } }",
    `storage: { filesystem: { rootdirectory: ${join(folder.path, "data")} } }`,
    `http: { addr: "127.0.0.1:${port}", secret: of-this-test }`,
  ];
  if (protectedBy !== undefined) {
    await writeFile(users, protectedBy);
    lines.push(`auth: { htpasswd: { realm: test, path: ${users} } }`);
  }
  await writeFile(config, `${lines.join("\n")}\n`);
  const child = await startChild({ name: "docker-registry", command: program, args: ["serve", config] });
  t.after(async () => {
    await child.stop();
    await folder.remove();
  });
  const host = `127.0.0.1:${port}`;
  const answers = (): Promise<true | undefined> =>
    fetch(`http://${host}/v2/`).then(
      () => true,
      () => undefined,
    );
  await waitFor("docker-registry answered", answers, { child, timeoutMillis: 30_000 });
  return host;
}

async function environment(t: TestContext, config: object): Promise<NodeJS.ProcessEnv> {
  const folder = await temporaryDirectory();
  t.after(() => folder.remove());
  await writeFile(join(folder.path, "config.json"), JSON.stringify(config));
  return { DOCKER_CONFIG: folder.path };
}

function at(registry: string, tag = "1"): ImageReference & { readonly tag: string } {
  return { registry, repository: "team/tickgate", tag };
}

for (const layout of ["compat", "oci-artifact"] as const) {
  test(`${layout}: pushed, found by tag and digest, and the module comes back`, async (t) => {
    const registry = await startDockerRegistry(t);
    const options = { insecure: true, env: await environment(t, {}) };
    const image = await buildImage(module, layout, { version: "1" });
    assert.deepEqual(await pushImage(image, at(registry), options), { uploaded: 2 });
    assert.deepEqual(await pushImage(image, at(registry), options), { uploaded: 0 });
    const { digest } = image.manifest;
    assert.equal(await resolveDigest(at(registry), options), digest);
    assert.equal((await headManifest({ ...at(registry, "2"), digest }, options))?.digest, digest);
    assert.equal(await headManifest(at(registry, "2"), options), undefined);
    for (const blob of image.blobs) {
      const response = await fetch(`http://${registry}/v2/team/tickgate/blobs/${blob.digest}`);
      const bytes = new Uint8Array(await response.arrayBuffer());
      assert.equal(`sha256:${createHash("sha256").update(bytes).digest("hex")}`, blob.digest);
    }
  });
}

test("a registry with passwords takes those of the Docker configuration, and no others", async (t) => {
  const registry = await startDockerRegistry(t, htpasswd);
  const image = await buildImage(module, "compat", { version: "1" });
  const login = (secret: string): object => {
    return { auths: { [registry]: { auth: Buffer.from(`robot:${secret}`).toString("base64") } } };
  };
  const push = async (config: object): ReturnType<typeof pushImage> =>
    pushImage(image, at(registry), { insecure: true, env: await environment(t, config) });
  const refused = /repository team\/tickgate: manifest 1: 401/;
  await assert.rejects(push({}), refused);
  await assert.rejects(push(login("guess")), refused);
  assert.deepEqual(await push(login(password)), { uploaded: 2 });
});
