import { CliError } from "../../../scripts/lib/cli.ts";

/** The place of an image: `host[:port]/repository[:tag][@sha256:...]`. */
export interface ImageReference {
  /** Host and port as people write them: `registry.example:5000`, `docker.io`. */
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string;
  /** `sha256:` and 64 hex digits. */
  readonly digest?: string;
}

const repositoryPattern =
  /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const tagPattern = /^\w[\w.-]{0,127}$/;
const digestPattern = /^sha256:[a-f0-9]{64}$/;
const hostPattern = /^(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/;

/**
 * Reads the name of an image as Istio does, with or without `oci://`: without a host it is Docker Hub's. A CliError
 * that says which part is wrong.
 */
export function parseReference(text: string): ImageReference {
  const name = text.replace(/^oci:\/\//, "");
  const refuse = (what: string): CliError =>
    new CliError(`${text} is no image reference: ${what}`, "registry.example/team/tickgate:1.2.3");
  if (/^\w+:\/\//.test(name)) throw refuse("the scheme is not oci://");
  const [path = "", digest, ...more] = name.split("@");
  if (more.length > 0) throw refuse("more than one @");
  if (digest !== undefined && !digestPattern.test(digest)) {
    throw refuse("the digest is not sha256: and 64 hex digits");
  }
  const slash = path.indexOf("/");
  const first = slash === -1 ? "" : path.slice(0, slash);
  const named = /[.:]/.test(first) || first === "localhost";
  const registry = named ? first : "docker.io";
  if (!hostPattern.test(registry)) throw refuse(`"${registry}" is no host`);
  const rest = named ? path.slice(slash + 1) : path;
  const colon = rest.lastIndexOf(":");
  const tag = colon === -1 ? undefined : rest.slice(colon + 1);
  if (tag !== undefined && !tagPattern.test(tag)) throw refuse(`"${tag}" is no tag`);
  const plain = colon === -1 ? rest : rest.slice(0, colon);
  const repository = registry === "docker.io" && !plain.includes("/") ? `library/${plain}` : plain;
  if (!repositoryPattern.test(repository))
    throw refuse(`"${plain}" is no repository (lower case letters and digits)`);
  return {
    registry,
    repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** The image as one writes it, without `oci://`. */
export function spellReference({ registry, repository, tag, digest }: ImageReference): string {
  const tail = `${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
  return `${registry}/${repository}${tail}`;
}

/** What a WasmPlugin's `url` says for exactly this image. */
export function pinnedUrl(reference: ImageReference, digest: string): string {
  return `oci://${reference.registry}/${reference.repository}@${digest}`;
}

/** Host and port at which the registry's API answers. */
export function apiHost(registry: string): string {
  return registry === "docker.io" || registry === "index.docker.io" ? "registry-1.docker.io" : registry;
}

/** Whether the registry is on this machine: a plain-text connection to it leaves nothing to overhear. */
export function isLoopback(registry: string): boolean {
  const host = registry.replace(/:\d+$/, "");
  return host === "localhost" || host === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(host);
}
