import { defineCommand } from "citty";
import manifest from "../../../package.json" with { type: "json" };
import { CliError, progress } from "../../../scripts/lib/cli.ts";
import { buildImage, type Image, type ImageFacts, type Layout } from "../oci/image.ts";
import { writeLayout } from "../oci/layout-directory.ts";
import { readModule, revisionOf } from "../oci/module-file.ts";
import { pushImage } from "../oci/push.ts";
import { parseReference, pinnedUrl, spellReference, type ImageReference } from "../oci/reference.ts";
import { emit, outputArgument, outputFormat } from "../output.ts";
import { describeCommand, refuseOption } from "../run.ts";
import { UsageError } from "../usage.ts";

const details = `The same module, version, revision and source give the same digest, on any machine.

  tickgate package                                                    the digest, nothing is written
  tickgate package --push registry.example/trading/tickgate:1.2.3     push it; prints url and sha256 for the WasmPlugin
  tickgate package --oci-layout out                                   write it; skopeo, oras and crane read that

Credentials are those of docker login: config.json in DOCKER_CONFIG or ~/.docker, credential helpers included. They are
sent to the registry and its token service only, and never printed. Proxies: HTTPS_PROXY, NO_PROXY.

compat is an ordinary image with plugin.wasm in its one layer: every registry takes it. oci-artifact holds the module
as it is, in a layer of its own type: some registries refuse that. Istio pulls both.

Exit code 0: done, 1: failed, 2: usage.`;

/** `tickgate package`. */
export const packageImage = defineCommand({
  meta: describeCommand({
    name: "package",
    description: "Makes the OCI image of the filter that Istio pulls, and pushes it",
    details,
  }),
  args: {
    module: {
      type: "positional",
      description: "The filter (build/tickgate.wasm, or the one beside this tool)",
      required: false,
    },
    layout: { type: "string", description: "compat or oci-artifact", default: "compat" },
    push: {
      type: "string",
      description: "Push to registry/repository[:tag]; the tag defaults to the version",
      valueHint: "REF",
    },
    "oci-layout": {
      type: "string",
      description: "Write an OCI image layout into a directory",
      valueHint: "DIR",
    },
    "image-version": {
      type: "string",
      description: "Version to write into the image",
      default: manifest.version,
    },
    revision: {
      type: "string",
      description:
        'Commit to write into the image; without it that of the module\'s clean git tree, "" for none',
    },
    source: {
      type: "string",
      description: "Address of the sources to write into the image",
      valueHint: "URL",
    },
    "ca-file": {
      type: "string",
      description: "Certificates (PEM) to trust beside the public ones",
      valueHint: "FILE",
    },
    insecure: { type: "boolean", description: "Plain HTTP, to a registry on this machine", default: false },
    "insecure-remote": { type: "boolean", description: "Plain HTTP, to any registry", default: false },
    ...outputArgument,
  },
  async run({ args }) {
    const format = outputFormat(args.output);
    const layout = layoutOf(args.layout);
    checkFacts(args["image-version"], args.revision, args.source);
    const target = args.push === undefined ? undefined : targetOf(args.push, args["image-version"]);
    const module = await readModule(args.module);
    const revision = args.revision ?? (await revisionOf(module.path));
    if (revision === undefined) progress("No revision: the module is in no clean git tree");
    const image = await buildImage(
      module.bytes,
      layout,
      factsOf(args["image-version"], revision, args.source),
    );
    const directory = args["oci-layout"];
    if (directory !== undefined) await writeLayout(directory, image, target?.tag ?? args["image-version"]);
    const pushed =
      target === undefined
        ? undefined
        : await pushImage(image, target, {
            ...(args["ca-file"] === undefined ? {} : { caFile: args["ca-file"] }),
            insecure: args.insecure,
            insecureRemote: args["insecure-remote"],
          });
    emit(format, resultOf(image, directory, target, pushed?.replaced), textOf);
  },
});

/** What `tickgate package` prints; `sha256` is what a WasmPlugin's field of that name takes for this image. */
interface PackageResult {
  readonly digest: string;
  readonly sha256: string;
  readonly moduleSha256: string;
  readonly layout: Layout;
  readonly bytes: number;
  readonly annotations: Readonly<Record<string, string>>;
  readonly ociLayout?: string;
  readonly pushed?: string;
  readonly url?: string;
  /** What the tag named before. */
  readonly replaced?: string;
}

function layoutOf(value: string): Layout {
  if (value === "compat" || value === "oci-artifact") return value;
  throw refuseOption("layout", value, "compat or oci-artifact");
}

function targetOf(text: string, version: string): ImageReference & { readonly tag: string } {
  const { digest, tag = version, ...reference } = usageOf(() => parseReference(text));
  if (!namesRegistry(text)) {
    throw new UsageError(
      `--push ${text} names no registry`,
      `registry.example/team/tickgate:1.2.3; Docker Hub is docker.io/USER/${reference.repository.replace(/^.*\//, "")}`,
    );
  }
  if (digest !== undefined) throw new UsageError(`--push ${text} has a digest`, "the push tells which it is");
  return usageOf(() => ({ ...parseReference(spellReference({ ...reference, tag })), tag }));
}

/** A name without a host is Docker Hub's by convention, which is no place to push to unawares. */
function namesRegistry(text: string): boolean {
  const [first = "", ...rest] = text.replace(/^oci:\/\//, "").split("/");
  return rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
}

/** A reference that is none is a wrong command line. */
function usageOf<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof CliError ? new UsageError(`--push: ${error.message}`, error.hint) : error;
  }
}

const versionPattern = /^\w[\w.+-]{0,127}$/;
const revisionPattern = /^[\w./+-]{0,256}$/;

/** What an image says of itself is for programs too: words with spaces, and links that lead nowhere, are mistakes. */
function checkFacts(version: string, revision: string | undefined, source: string | undefined): void {
  if (!versionPattern.test(version))
    throw refuseOption("image-version", `"${version}"`, "a version such as 1.2.3");
  if (revision !== undefined && !revisionPattern.test(revision))
    throw refuseOption("revision", `"${revision}"`, "the name of a commit");
  if (source !== undefined && !(URL.canParse(source) && source.includes("://")))
    throw refuseOption("source", source, "a URL such as https://git.example/tickgate");
}

function factsOf(version: string, revision: string | undefined, source: string | undefined): ImageFacts {
  return {
    version,
    ...(revision === undefined || revision === "" ? {} : { revision }),
    ...(source === undefined ? {} : { source }),
  };
}

function resultOf(
  image: Image,
  directory: string | undefined,
  target: ImageReference | undefined,
  replaced: string | undefined,
): PackageResult {
  const { digest } = image.manifest;
  return {
    digest,
    sha256: digest.replace("sha256:", ""),
    moduleSha256: image.moduleSha256,
    layout: image.layout,
    bytes: [image.manifest, ...image.blobs].reduce((sum, { bytes }) => sum + bytes.length, 0),
    annotations: image.annotations,
    ...(directory === undefined ? {} : { ociLayout: directory }),
    ...(target === undefined ? {} : { pushed: spellReference(target), url: pinnedUrl(target, digest) }),
    ...(replaced === undefined ? {} : { replaced }),
  };
}

function textOf(result: PackageResult): string {
  const rows: [string, string | undefined][] = [
    ["digest", result.digest],
    ["sha256", result.sha256],
    ["module sha256", result.moduleSha256],
    ["layout", `${result.layout}, ${result.bytes} bytes`],
    ["written to", result.ociLayout],
    ["pushed", result.pushed],
    ["url", result.url],
    ["tag was", result.replaced],
  ];
  const shown = rows.flatMap(([name, value]) => (value === undefined ? [] : [[name.padEnd(14), value]]));
  return shown.map((row) => row.join("")).join("\n");
}
