import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer as createPlain, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecure } from "node:https";
import type { TestContext } from "node:test";
import { buffer } from "node:stream/consumers";
import type { Certificate } from "../envoy/lib/certificates.ts";

/** How a registry of a test behaves. */
export interface RegistryBehaviour {
  readonly tls?: Certificate;
  /** What it asks for before it answers; `bearer` has its token service at `/token`. */
  readonly auth?: "basic" | "bearer";
  readonly username?: string;
  readonly password?: string;
  /** A refresh token it takes in place of the password. */
  readonly refreshToken?: string;
  /** Answers in place of the API: `PUT /v2/a/manifests/1` -> status and body. */
  readonly overrides?: Readonly<Record<string, { readonly status: number; readonly body: string }>>;
  /** The address of the token service in place of its own. */
  readonly realm?: string;
  /** Where uploads go, in place of the registry itself: another registry of the test. */
  readonly uploadsTo?: () => string;
  /** Leaves out `docker-content-digest`, as some do. */
  readonly silent?: boolean;
}

/** A registry in this process that checks what it is told: digests, scopes, credentials. */
export interface TestRegistry {
  /** `127.0.0.1:port` */
  readonly host: string;
  readonly blobs: ReadonlyMap<string, Uint8Array>;
  /** By tag and by digest. */
  readonly manifests: ReadonlyMap<string, Uint8Array>;
  /** `PUT /v2/a/manifests/1 Bearer`: every request, with the scheme it was authorised by. */
  readonly requests: readonly string[];
}

/** Starts a registry that goes with the test. */
export async function startRegistry(
  t: TestContext,
  behaviour: RegistryBehaviour = {},
): Promise<TestRegistry> {
  const registry = new Registry(behaviour);
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    registry.answer(request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  };
  const { tls } = behaviour;
  const server =
    tls === undefined
      ? createPlain(listener)
      : createSecure({ cert: await readFile(tls.certificate), key: await readFile(tls.key) }, listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close().closeAllConnections());
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a TCP server has no port");
  registry.host = `127.0.0.1:${address.port}`;
  return registry;
}

class Registry implements TestRegistry {
  readonly blobs = new Map<string, Uint8Array>();
  readonly manifests = new Map<string, Uint8Array>();
  readonly requests: string[] = [];
  host = "";
  private readonly behaviour: RegistryBehaviour;
  private readonly token = randomBytes(12).toString("hex");
  private uploads = 0;

  constructor(behaviour: RegistryBehaviour) {
    this.behaviour = behaviour;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "" } = request;
    const { pathname, searchParams } = new URL(url, "http://registry");
    const body = await buffer(request);
    const [scheme = ""] = (request.headers.authorization ?? "").split(" ");
    this.requests.push(`${method} ${pathname} ${scheme}`.trim());
    const override = this.behaviour.overrides?.[`${method} ${pathname}`];
    if (override !== undefined) return void response.writeHead(override.status).end(override.body);
    if (pathname === "/token") return this.giveToken(request, response, searchParams, body);
    if (!this.isAllowed(request.headers.authorization)) return this.challenge(response);
    const [, kind = "", name = ""] = /^\/v2\/[a-z0-9/._-]+?\/(manifests|blobs)\/(.+)$/.exec(pathname) ?? [];
    if (kind === "manifests") return this.manifest(method, name, body, response);
    if (method === "POST") return this.openUpload(pathname, response);
    return name.startsWith("uploads/")
      ? this.store(searchParams.get("digest") ?? "", body, response)
      : this.blob(name, response);
  }

  private openUpload(pathname: string, response: ServerResponse): void {
    this.uploads += 1;
    const base = this.behaviour.uploadsTo?.() ?? "";
    response.writeHead(202, { location: `${base}${pathname}${this.uploads}?_state=s` }).end();
  }

  private store(digest: string, body: Uint8Array, response: ServerResponse): void {
    if (digestOf(body) !== digest)
      return refuse(response, 400, "DIGEST_INVALID", "the digest does not match");
    this.blobs.set(digest, body);
    response.writeHead(201).end();
  }

  private blob(digest: string, response: ServerResponse): void {
    const bytes = this.blobs.get(digest);
    if (bytes === undefined) return refuse(response, 404, "BLOB_UNKNOWN", "blob unknown to registry");
    response.writeHead(200, { "content-length": bytes.length }).end();
  }

  private manifest(method: string, name: string, body: Uint8Array, response: ServerResponse): void {
    if (method === "PUT") {
      const { config, layers }: { config: { digest: string }; layers: { digest: string }[] } = JSON.parse(
        Buffer.from(body).toString(),
      );
      const missing = [config, ...layers].find(({ digest }) => !this.blobs.has(digest));
      if (missing !== undefined) return refuse(response, 400, "MANIFEST_BLOB_UNKNOWN", missing.digest);
      this.manifests.set(name, body).set(digestOf(body), body);
      return void response.writeHead(201).end();
    }
    const bytes = this.manifests.get(name);
    if (bytes === undefined) return refuse(response, 404, "MANIFEST_UNKNOWN", "manifest unknown");
    const digest = this.behaviour.silent ? {} : { "docker-content-digest": digestOf(bytes) };
    const type = "application/vnd.oci.image.manifest.v1+json";
    response.writeHead(200, { "content-type": type, ...digest }).end(method === "HEAD" ? undefined : bytes);
  }

  private giveToken(
    request: IncomingMessage,
    response: ServerResponse,
    query: URLSearchParams,
    body: Uint8Array,
  ): void {
    const { refreshToken } = this.behaviour;
    const form = new URLSearchParams(Buffer.from(body).toString());
    const fields = request.method === "POST" ? form : query;
    const known =
      request.method === "POST"
        ? form.get("refresh_token") === refreshToken && form.get("grant_type") === "refresh_token"
        : this.isUser(request.headers.authorization);
    const asked = [fields.get("service"), fields.get("scope")].join(" ");
    this.requests.push(`scope ${asked}`);
    if (!known) return void response.writeHead(401).end('{"details":"incorrect username or password"}');
    const name = request.method === "POST" ? "access_token" : "token";
    response.writeHead(200).end(JSON.stringify({ [name]: this.token }));
  }

  private isUser(authorization: string | undefined): boolean {
    const { username, password } = this.behaviour;
    if (username === undefined) return authorization === undefined;
    const text = Buffer.from(`${username}:${password ?? ""}`).toString("base64");
    return authorization === `Basic ${text}`;
  }

  private isAllowed(authorization: string | undefined): boolean {
    if (this.behaviour.auth === undefined) return true;
    if (this.behaviour.auth === "basic") return this.isUser(authorization);
    return authorization === `Bearer ${this.token}`;
  }

  private challenge(response: ServerResponse): void {
    const scheme = this.behaviour.tls === undefined ? "http" : "https";
    const realm = this.behaviour.realm ?? `${scheme}://${this.host}/token`;
    const header =
      this.behaviour.auth === "basic"
        ? 'Basic realm="the, registry"'
        : `Bearer realm="${realm}",service="test registry",scope="repository:x:pull"`;
    response.setHeader("www-authenticate", header);
    refuse(response, 401, "UNAUTHORIZED", "authentication required");
  }
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ errors: [{ code, message }] }));
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
