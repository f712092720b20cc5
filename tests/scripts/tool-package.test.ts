import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import { test, type TestContext } from "node:test";
import { buildImage } from "../../deploy/tool/oci/image.ts";
import { pushImage } from "../../deploy/tool/oci/push.ts";
import { parseReference } from "../../deploy/tool/oci/reference.ts";
import { headManifest, resolveDigest, type RegistryOptions } from "../../deploy/tool/oci/registry.ts";
import { describeError } from "../../scripts/lib/cli.ts";
import { filterModule, root } from "../../scripts/lib/paths.ts";
import { freePort } from "../../scripts/lib/ports.ts";
import { runToEnd, type Finished } from "../../scripts/lib/process.ts";
import { temporaryDirectory } from "../../scripts/lib/temporary.ts";
import { makeAuthority } from "../envoy/lib/certificates.ts";
import { startRegistry, type TestRegistry } from "./registry-server.ts";

const image = await buildImage(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]), "compat", { version: "1" });
const password = "hunter2-and-more";
const user = { username: "robot", password };

/** A place for a Docker configuration, and the environment that leads there. */
async function dockerConfig(
  t: TestContext,
  config: object | undefined,
): Promise<{ env: NodeJS.ProcessEnv; path: string }> {
  const folder = await temporaryDirectory();
  const { path } = folder;
  t.after(() => folder.remove());
  if (config !== undefined) await writeFile(join(path, "config.json"), JSON.stringify(config));
  return { env: { PATH: [path, process.env["PATH"]].join(delimiter), DOCKER_CONFIG: path }, path };
}

function inAuths({ host }: TestRegistry, entry: object): object {
  return { auths: { [host]: entry } };
}

const basicAuth = Buffer.from(`robot:${password}`).toString("base64");

async function push(
  registry: TestRegistry,
  options: RegistryOptions,
): Promise<Awaited<ReturnType<typeof pushImage>>> {
  const reference = { registry: registry.host, repository: "team/tickgate", tag: "1" };
  return pushImage(image, reference, { insecure: true, ...options });
}

async function failure(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error !== undefined, "it should have failed");
  return describeError(error);
}

test("anonymous: what is missing is uploaded, once, and the tag then names the digest", async (t) => {
  const registry = await startRegistry(t);
  const { env } = await dockerConfig(t, undefined);
  assert.deepEqual(await push(registry, { env }), { uploaded: 2 });
  assert.deepEqual(Buffer.from(registry.manifests.get("1") ?? []), Buffer.from(image.manifest.bytes));
  for (const { digest, bytes } of image.blobs)
    assert.deepEqual(Buffer.from(registry.blobs.get(digest) ?? []), Buffer.from(bytes));
  assert.deepEqual(await push(registry, { env }), { uploaded: 0 });
  assert.equal(registry.requests.filter((line) => line.startsWith("POST")).length, 2);
});

test("a tag that named another image is said", async (t) => {
  const registry = await startRegistry(t);
  const { env } = await dockerConfig(t, undefined);
  await push(registry, { env });
  const next = await buildImage(new Uint8Array(9), "oci-artifact", { version: "2" });
  const reference = { registry: registry.host, repository: "team/tickgate", tag: "1" };
  const { replaced } = await pushImage(next, reference, { insecure: true, env });
  assert.equal(replaced, image.manifest.digest);
});

for (const [name, auth, config] of [
  ["basic, auths", "basic", (registry) => inAuths(registry, { auth: basicAuth })],
  ["basic, a user and a password", "basic", (registry) => inAuths(registry, user)],
  [
    "basic, auths under https://",
    "basic",
    ({ host }) => ({ auths: { [`https://${host}`]: { auth: basicAuth } } }),
  ],
  ["bearer, auths", "bearer", (registry) => inAuths(registry, { auth: basicAuth })],
  ["bearer, a refresh token", "bearer", (registry) => inAuths(registry, { identitytoken: "refresh-me" })],
  ["bearer, a helper for the registry", "bearer", ({ host }) => ({ credHelpers: { [host]: "ours" } })],
  ["bearer, a helper for all", "bearer", () => ({ credsStore: "ours" })],
  ["bearer, a helper with a token", "bearer", () => ({ credsStore: "token" })],
  [
    "bearer, auths when the helper has none",
    "bearer",
    (registry) => ({ credsStore: "none", ...inAuths(registry, { auth: basicAuth }) }),
  ],
] satisfies [string, "basic" | "bearer", (registry: TestRegistry) => object][]) {
  test(`credentials: ${name}`, async (t) => {
    const registry = await startRegistry(t, { auth, ...user, refreshToken: "refresh-me" });
    const { env, path } = await dockerConfig(t, config(registry));
    await addHelper(
      path,
      "ours",
      `read server; [ "$server" = "${registry.host}" ] || exit 3; echo '{"Username":"robot","Secret":"${password}"}'`,
    );
    await addHelper(path, "token", `echo '{"Username":"<token>","Secret":"refresh-me"}'`);
    await addHelper(path, "none", "echo 'credentials not found in native keychain'; exit 1");
    assert.deepEqual(await push(registry, { env }), { uploaded: 2 });
    const scope = "scope test registry repository:team/tickgate:pull,push";
    const scopes = registry.requests.filter((line) => line.startsWith("scope"));
    assert.deepEqual(scopes, auth === "bearer" ? [scope] : []);
    const scheme = auth === "bearer" ? "Bearer" : "Basic";
    assert.ok(registry.requests.includes(`PUT /v2/team/tickgate/manifests/1 ${scheme}`));
  });
}

async function addHelper(directory: string, name: string, body: string): Promise<void> {
  const path = join(directory, `docker-credential-${name}`);
  await writeFile(path, `#!/bin/sh\n${body}\n`);
  await chmod(path, 0o755);
}

test("anonymous bearer tokens, for images that anyone may pull", async (t) => {
  const registry = await startRegistry(t, { auth: "bearer" });
  const { env } = await dockerConfig(t, undefined);
  await push(registry, { env });
  const reference = parseReference(`${registry.host}/team/tickgate:1`);
  assert.equal(await resolveDigest(reference, { insecure: true, env }), image.manifest.digest);
  assert.ok(registry.requests.includes("scope test registry repository:team/tickgate:pull"));
});

test("what is there: by tag, by digest, without the digest header, and not at all", async (t) => {
  const { env } = await dockerConfig(t, undefined);
  for (const silent of [false, true]) {
    const registry = await startRegistry(t, { silent });
    await push(registry, { env });
    const find = (tail: string): ReturnType<typeof headManifest> =>
      headManifest(parseReference(`${registry.host}/team/tickgate${tail}`), { insecure: true, env });
    assert.equal((await find(":1"))?.digest, image.manifest.digest);
    assert.equal((await find(`@${image.manifest.digest}`))?.digest, image.manifest.digest);
    assert.equal(await find(":2"), undefined);
    assert.equal(await find(""), undefined);
    const missing = resolveDigest(parseReference(`${registry.host}/team/tickgate:2`), {
      insecure: true,
      env,
    });
    assert.match(await failure(missing), /there is no image 127\.0\.0\.1:\d+\/team\/tickgate:2/);
  }
});

test("a registry's refusal names registry, repository, status and its own words, and no secret that it repeats", async (t) => {
  const words = JSON.stringify({
    errors: [{ code: "DENIED", message: `no push for robot:${password} (${basicAuth})` }],
  });
  const overrides = { "PUT /v2/team/tickgate/manifests/1": { status: 403, body: words } };
  const registry = await startRegistry(t, { auth: "basic", ...user, overrides });
  const { env } = await dockerConfig(t, inAuths(registry, { auth: basicAuth }));
  const message = await failure(push(registry, { env }));
  assert.match(
    message,
    /registry 127\.0\.0\.1:\d+, repository team\/tickgate: manifest 1: 403 DENIED no push for robot:\*\*\* \(\*\*\*\)/,
  );
  assert.match(message, /hint: docker login 127/);
});

for (const [name, auth, config, expected] of [
  ["none", "basic", {}, /manifest 1: 401/],
  [
    "a wrong password",
    "basic",
    { auth: Buffer.from(`robot:${password}x`).toString("base64") },
    /manifest 1: 401/,
  ],
  [
    "a wrong password for a token",
    "bearer",
    { auth: Buffer.from(`robot:${password}x`).toString("base64") },
    /token from 127.*with the credentials of the Docker configuration: 401/,
  ],
  ["no password for a token", "bearer", {}, /token from 127.*asked anonymously: 401/],
  [
    "nonsense",
    "basic",
    { auth: Buffer.from(password).toString("base64") },
    /auth is not user:password in base64/,
  ],
] as const) {
  test(`wrong credentials: ${name}`, async (t) => {
    const registry = await startRegistry(t, { auth, ...user });
    const { env } = await dockerConfig(t, inAuths(registry, config));
    const message = await failure(push(registry, { env }));
    assert.match(message, expected);
    assert.ok(!message.includes(password) && !message.includes(basicAuth), message);
  });
}

test("a Docker configuration or a helper that is broken shows nothing of itself", async (t) => {
  const registry = await startRegistry(t);
  const { env, path } = await dockerConfig(t, undefined);
  await writeFile(join(path, "config.json"), `{"auths": {"x": {"password": "${password}`);
  assert.match(await failure(push(registry, { env })), /config\.json is no JSON\n.*docker login/);
  await writeFile(join(path, "config.json"), '{"credsStore": "bad"}');
  assert.match(await failure(push(registry, { env })), /cannot start docker-credential-bad/);
  await addHelper(path, "bad", `echo '{"Secret": "${password}'`);
  const message = await failure(push(registry, { env }));
  assert.match(message, /docker-credential-bad did not answer with a user name and a secret/);
  assert.ok(!message.includes(password));
  await addHelper(path, "bad", `echo ${password}; exit 7`);
  const failed = await failure(push(registry, { env }));
  assert.match(failed, /docker-credential-bad failed for 127\.0\.0\.1:\d+ \(exit code 7\)/);
  assert.ok(!failed.includes(password));
});

test("credentials do not follow the registry to another host", async (t) => {
  const storage = await startRegistry(t);
  const registry = await startRegistry(t, {
    auth: "basic",
    ...user,
    uploadsTo: () => `http://${storage.host}`,
  });
  const { env } = await dockerConfig(t, inAuths(registry, { auth: basicAuth }));
  // The other host keeps the blobs, so the manifest is refused; what matters is what the other host has seen.
  assert.match(await failure(push(registry, { env })), /MANIFEST_BLOB_UNKNOWN/);
  assert.equal(storage.requests.length, 2);
  for (const line of storage.requests) assert.match(line, /^PUT \/v2\/team\/tickgate\/blobs\/uploads\/\d$/);
});

test("credentials do not go to a token service without encryption on another machine", async (t) => {
  const registry = await startRegistry(t, { auth: "bearer", ...user, realm: "http://tokens.invalid/token" });
  const { env } = await dockerConfig(t, inAuths(registry, { auth: basicAuth }));
  assert.match(
    await failure(push(registry, { env })),
    /its token service "http:\/\/tokens\.invalid\/token" is no https:\/\//,
  );
});

test("TLS: a certificate of one's own is trusted when it is named, and only then", async (t) => {
  const authority = await makeAuthority(t);
  const registry = await startRegistry(t, { tls: await authority.issueFor("IP:127.0.0.1"), auth: "bearer" });
  const { env, path } = await dockerConfig(t, undefined);
  const secure = { env, insecure: false };
  assert.match(await failure(push(registry, secure)), /certificate[^]*hint: --ca-file/);
  assert.deepEqual(await push(registry, { ...secure, caFile: authority.root }), { uploaded: 2 });
  assert.match(await failure(push(registry, { env })), /hint: it may speak HTTPS/);
  assert.match(
    await failure(push(registry, { ...secure, caFile: join(path, "none") })),
    /--ca-file .* can't be read/,
  );
  await writeFile(join(path, "text"), "hello");
  assert.match(
    await failure(push(registry, { ...secure, caFile: join(path, "text") })),
    /holds no PEM certificate/,
  );
  const plain = await startRegistry(t);
  assert.match(await failure(push(plain, secure)), /wrong version number\n\s+hint: it may speak plain HTTP/);
});

test("no answer and no connection are told apart", async (t) => {
  const { env } = await dockerConfig(t, undefined);
  const mute = createServer(() => {});
  await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
  t.after(() => mute.close());
  const address = mute.address();
  assert.ok(address !== null && typeof address === "object");
  const reference = parseReference(`127.0.0.1:${address.port}/a:1`);
  const late = headManifest(reference, { env, insecure: true, timeoutMillis: 200 });
  assert.match(await failure(late), /repository a: manifest 1: no answer within 0\.2 s/);
  const nobody = headManifest(parseReference(`127.0.0.1:${await freePort()}/a:1`), { env, insecure: true });
  assert.match(await failure(nobody), /ECONNREFUSED/);
});

test("plain HTTP to another machine has to be asked for twice", async (t) => {
  const { env } = await dockerConfig(t, undefined);
  const remote = parseReference("registry.invalid/a:1");
  assert.match(
    await failure(headManifest(remote, { env, insecure: true })),
    /is not on this machine[^]*--insecure-remote/,
  );
  assert.match(await failure(headManifest(remote, { env, insecureRemote: true })), /ENOTFOUND|EAI_AGAIN/);
});

function tickgate(env: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<Finished> {
  const main = join(root, "deploy", "tool", "main.ts");
  const command = ["--import", "tsx", main, "package", ...args];
  return runToEnd({
    name: "tickgate",
    command: process.execPath,
    args: command,
    cwd: root,
    env,
    timeoutMillis: 60_000,
  });
}

test("tickgate package --push prints what a WasmPlugin needs", async (t) => {
  const registry = await startRegistry(t, { auth: "bearer", ...user });
  const { env, path } = await dockerConfig(t, inAuths(registry, { auth: basicAuth }));
  const target = `${registry.host}/team/tickgate`;
  const options = ["--revision", "", "--insecure", "--output", "json"];
  const first = await tickgate(env, "--push", target, "--oci-layout", join(path, "out"), ...options);
  assert.equal(first.code, 0, first.stderr);
  const result: Record<string, string> = JSON.parse(first.stdout);
  const digest = result["digest"] ?? "";
  const manifest: { version: string } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  assert.equal(result["url"], `oci://${target}@${digest}`);
  assert.equal(result["sha256"], digest.replace("sha256:", ""));
  assert.equal(result["pushed"], `${target}:${manifest.version}`);
  const wasm = createHash("sha256")
    .update(await readFile(filterModule))
    .digest("hex");
  assert.equal(result["moduleSha256"], wasm);
  assert.ok(registry.manifests.has(digest) && registry.manifests.has(manifest.version));
  assert.ok((await readFile(join(path, "out", "index.json"), "utf8")).includes(digest));
  const again = await tickgate(env, "--revision", "");
  assert.match(again.stdout, new RegExp(`^digest +${digest}\n`));
  assert.equal(again.stderr, "");
});

for (const [name, args, code, expected] of [
  ["a layout that is none", ["--layout", "docker"], 2, /--layout docker is not compat or oci-artifact/],
  ["a reference that is none", ["--push", "r.io/A"], 2, /"A" is no repository/],
  ["a digest", ["--push", `r.io/a@sha256:${"0".repeat(64)}`], 2, /has a digest/],
  ["a version that is no tag", ["--push", "r.io/a", "--image-version", "1+2"], 2, /"1\+2" is no tag/],
  ["no module", ["no-such.wasm"], 1, /there is no module at no-such\.wasm\n\s+hint: npm run build/],
  ["no registry", ["--push", "foo"], 2, /--push foo names no registry\n\s+hint: .*docker\.io\/USER\/foo/],
  ["a user's name for a registry", ["--push", "team/foo:1"], 2, /--push team\/foo:1 names no registry/],
  ["no version", ["--image-version", ""], 2, /--image-version "" is not a version such as 1\.2\.3/],
  ["two versions", ["--image-version", "a b"], 2, /--image-version "a b" is not a version/],
  ["two revisions", ["--revision", "x y"], 2, /--revision "x y" is not the name of a commit/],
  ["a source that is nowhere", ["--source", "notaurl"], 2, /--source notaurl is not a URL such as/],
  ["a directory", ["deploy"], 1, /deploy can't be read: it is a directory/],
  ["a layout in a file", ["--oci-layout", "package.json"], 1, /package\.json is no directory\n/],
  ["a layout under a file", ["--oci-layout", "package.json/x"], 1, /package\.json\/x is no directory\n/],
  [
    "a layout where none can be",
    ["--oci-layout", "/proc/tickgate"],
    1,
    /\/proc\/tickgate can't be written: /,
  ],
  [
    "certificates that are not there",
    ["--push", "r.io/a", "--ca-file", "no.pem"],
    1,
    /no\.pem can't be read: no such file/,
  ],
  ["another file", ["package.json"], 1, /package\.json is no WebAssembly module/],
] as const) {
  test(`tickgate package: ${name} (${code})`, async (t) => {
    const { env } = await dockerConfig(t, undefined);
    const ran = await tickgate(env, ...args);
    assert.equal(ran.code, code);
    assert.match(ran.stderr, expected);
    assert.equal(ran.stdout, "");
  });
}

test("the revision is the commit of a clean tree, and none of a changed one", async (t) => {
  const { env, path } = await dockerConfig(t, undefined);
  const tree = join(path, "tree");
  await mkdir(tree);
  const git = async (...args: readonly string[]): Promise<string> => {
    const who = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
    const ran = await runToEnd({
      name: "git",
      command: "git",
      args: [...who, ...args],
      cwd: tree,
      timeoutMillis: 20_000,
    });
    assert.equal(ran.code, 0, ran.stderr);
    return ran.stdout.trim();
  };
  const wasm = join(tree, "tickgate.wasm");
  await writeFile(wasm, await readFile(filterModule));
  await writeFile(join(tree, "source"), "1");
  await git("init", "--quiet");
  await git("add", ".");
  await git("commit", "--quiet", "-m", "one");
  const revision = async (): Promise<string | undefined> => {
    const { stdout, stderr } = await tickgate(env, wasm, "--output", "json");
    assert.notEqual(stdout, "", stderr);
    const { annotations }: { annotations: Record<string, string> } = JSON.parse(stdout);
    return annotations["org.opencontainers.image.revision"];
  };
  assert.equal(await revision(), await git("rev-parse", "HEAD"));
  await writeFile(join(tree, "source"), "2");
  assert.equal(await revision(), undefined);
});
