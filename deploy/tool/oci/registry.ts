import type { RequestInit, Response } from "undici";
import { CliError } from "../../../scripts/lib/cli.ts";
import { Authorizer } from "./authorizer.ts";
import { findCredentials } from "./credentials.ts";
import { digestOf } from "./digest.ts";
import type { Blob } from "./image.ts";
import { spellReference, type ImageReference } from "./reference.ts";
import { headersOf, openTransport, type Transport, type TransportOptions } from "./transport.ts";

/** How a registry is reached, and as whom. */
export interface RegistryOptions extends TransportOptions {
  /** Where the Docker configuration is looked for; default the process's own. */
  readonly env?: NodeJS.ProcessEnv;
}

/** A manifest as a registry has it. */
export interface ManifestHead {
  readonly digest: string;
  readonly mediaType: string;
}

const manifestTypes = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
];

/** One repository of a registry, through the API of the OCI distribution specification. Close it when done. */
export class Repository {
  private readonly reference: ImageReference;
  private readonly transport: Transport;
  private readonly authorizer: Authorizer;

  constructor(reference: ImageReference, transport: Transport, authorizer: Authorizer) {
    this.reference = reference;
    this.transport = transport;
    this.authorizer = authorizer;
  }

  /** The manifest under a tag or digest; undefined when the registry has none. */
  async headManifest(name: string): Promise<ManifestHead | undefined> {
    const request = { method: "HEAD", headers: { accept: manifestTypes.join(", ") } };
    const response = await this.ask(`manifest ${name}`, this.url(`manifests/${name}`), request);
    if (response.status === 404) return undefined;
    await this.expect(`manifest ${name}`, response, [200]);
    const mediaType = response.headers.get("content-type") ?? "";
    const told = response.headers.get("docker-content-digest") ?? undefined;
    return { digest: told ?? (await this.digestOfManifest(name)), mediaType };
  }

  /** Uploads a blob unless it is there. Returns whether it was uploaded. */
  async putBlob({ digest, bytes }: Blob): Promise<boolean> {
    const what = `blob ${digest}`;
    const known = await this.ask(what, this.url(`blobs/${digest}`), { method: "HEAD" });
    if (known.status === 200) return false;
    await this.expect(what, known, [404]);
    const opened = await this.ask(`upload of ${what}`, this.url("blobs/uploads/"), { method: "POST" });
    await this.expect(`upload of ${what}`, opened, [202]);
    const location = opened.headers.get("location");
    if (location === null) throw this.failure(`upload of ${what}`, "the registry names no place for it");
    const place = new URL(location, this.transport.base);
    place.searchParams.set("digest", digest);
    const stored = await this.ask(`upload of ${what}`, place.href, {
      method: "PUT",
      headers: { "content-type": "application/octet-stream" },
      body: bytes,
    });
    await this.expect(`upload of ${what}`, stored, [201]);
    return true;
  }

  /** Stores a manifest under a tag or its digest. A CliError when the registry holds anything else afterwards. */
  async putManifest(name: string, { mediaType, digest, bytes }: Blob): Promise<void> {
    const what = `manifest ${name}`;
    const url = this.url(`manifests/${name}`);
    const stored = await this.ask(what, url, {
      method: "PUT",
      headers: { "content-type": mediaType },
      body: bytes,
    });
    await this.expect(what, stored, [201]);
    const head = await this.headManifest(name);
    if (head?.digest === digest) return;
    throw this.failure(what, `the registry holds ${head?.digest ?? "nothing"} after the push of ${digest}`);
  }

  /** Ends its connections. */
  async close(): Promise<void> {
    await this.transport.close();
  }

  private async digestOfManifest(name: string): Promise<string> {
    const request = { headers: { accept: manifestTypes.join(", ") } };
    const response = await this.ask(`manifest ${name}`, this.url(`manifests/${name}`), request);
    await this.expect(`manifest ${name}`, response, [200]);
    return digestOf(new Uint8Array(await response.arrayBuffer()));
  }

  private url(path: string): string {
    return `${this.transport.base}/v2/${this.reference.repository}/${path}`;
  }

  /** Sends a request; when the registry asks who we are, tells it and sends it again. */
  private async ask(what: string, url: string, request: RequestInit): Promise<Response> {
    const send = (): Promise<Response> => {
      // What the registry proves who we are with is its own: other hosts it sends us to do without.
      const own = new URL(url).origin === new URL(this.transport.base).origin;
      const headers = { ...headersOf(request), ...(own ? this.authorizer.headers : {}) };
      return this.transport.send(`repository ${this.reference.repository}: ${what}`, url, {
        ...request,
        headers,
      });
    };
    const response = await send();
    if (response.status !== 401 || !(await this.authorizer.answer(response))) return response;
    await response.body?.cancel();
    return send();
  }

  private async expect(what: string, response: Response, statuses: readonly number[]): Promise<void> {
    if (statuses.includes(response.status)) return;
    const text = await response.text().catch(() => "");
    const said = this.authorizer.withoutSecrets(messageIn(text));
    throw this.failure(
      what,
      `${response.status} ${said}`.trim(),
      hintFor(response.status, this.reference.registry),
    );
  }

  private failure(what: string, reason: string, hint?: string): CliError {
    const { registry, repository } = this.reference;
    return new CliError(`registry ${registry}, repository ${repository}: ${what}: ${reason}`, hint);
  }
}

/** Opens a repository for `pull` or for `pull,push`, with the credentials that `docker login` left for its registry. */
export async function openRepository(
  reference: ImageReference,
  actions: "pull" | "pull,push",
  options: RegistryOptions,
): Promise<Repository> {
  const { registry, repository } = reference;
  const transport = await openTransport(registry, options);
  const authorizer = new Authorizer(transport, {
    registry,
    scope: `repository:${repository}:${actions}`,
    credentials: await findCredentials(registry, options.env),
    insecureRemote: options.insecureRemote === true,
  });
  return new Repository(reference, transport, authorizer);
}

/** What a registry has under a reference (its digest, else its tag, else `latest`); undefined when it has nothing there. */
export async function headManifest(
  reference: ImageReference,
  options: RegistryOptions = {},
): Promise<ManifestHead | undefined> {
  const repository = await openRepository(reference, "pull", options);
  try {
    return await repository.headManifest(reference.digest ?? reference.tag ?? "latest");
  } finally {
    await repository.close();
  }
}

/** The digest under which a registry has an image now. A CliError when it has none, or can't be asked. */
export async function resolveDigest(
  reference: ImageReference,
  options: RegistryOptions = {},
): Promise<string> {
  const head = await headManifest(reference, options);
  if (head !== undefined) return head.digest;
  throw new CliError(
    `there is no image ${spellReference(reference)}`,
    "`tickgate package --push` puts one there",
  );
}

/** The first message of a registry's error document (`{"errors":[{"code","message","detail"}]}`). */
function messageIn(text: string): string {
  try {
    const { errors }: { errors?: readonly { code?: unknown; message?: unknown }[] } = JSON.parse(text);
    return (errors ?? [])
      .map(({ code, message }) => [code, message].filter((part) => typeof part === "string").join(" "))
      .join("; ")
      .slice(0, 500);
  } catch {
    return text.split("\n", 1)[0]?.slice(0, 200) ?? "";
  }
}

function hintFor(status: number, registry: string): string | undefined {
  if (status === 401 || status === 403) return `docker login ${registry}, as someone who may do this`;
  if (status === 404) return "the repository may have to be made first";
  if (status === 429) return "the registry limits how often it is asked: try later, or log in";
  return undefined;
}
