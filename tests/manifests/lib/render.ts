import { readdir, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import type { TestContext } from "node:test";
import { parseAllDocuments, stringify } from "yaml";
import { CliError } from "../../../scripts/lib/cli.ts";
import { root } from "../../../scripts/lib/paths.ts";
import { runToEnd } from "../../../scripts/lib/process.ts";
import { provisionKustomize } from "../../../scripts/lib/provision/manifest-tools.ts";
import { temporaryDirectory } from "../../../scripts/lib/temporary.ts";

/** An object as a manifest spells it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** The folder of the manifests. */
export const deploy = join(root, "deploy");

const renderMillis = 60_000;

/** Folders of deploy/ that are applied as they are, from `deploy`: every overlay and the policy. */
export async function appliedFolders(): Promise<string[]> {
  const overlays = await foldersOf("overlays");
  return [...overlays.map((name) => `overlays/${name}`), "policy"];
}

/** Names of the folders in a folder of deploy/, in order. */
export async function foldersOf(folder: string): Promise<string[]> {
  const entries = await readdir(join(deploy, folder), { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .toSorted();
}

/** What `kustomize build` makes of a folder. */
export async function render(folder: string): Promise<Manifest[]> {
  return parseManifests(await renderText(folder));
}

/** As `render`, the text. A CliError with kustomize's complaint. */
export async function renderText(folder: string): Promise<string> {
  const kustomize = await provisionKustomize();
  const args = ["build", folder];
  const result = await runToEnd({
    name: "kustomize",
    command: kustomize.path,
    args,
    timeoutMillis: renderMillis,
  });
  if (result.code === 0) return result.stdout;
  throw new CliError(`kustomize build ${relative(root, folder)}: ${result.stderr}`);
}

/** What a kustomization on top of a folder of deploy/ adds; components by their folder in deploy/. */
export interface Additions {
  readonly components?: readonly string[];
  readonly patches?: readonly object[];
  readonly images?: readonly object[];
}

/** Renders a folder of deploy/ with more on top of it. */
export async function renderWith(t: TestContext, folder: string, more: Additions): Promise<Manifest[]> {
  const directory = await temporaryDirectory();
  t.after(() => directory.remove());
  const reach = (path: string): string => relative(directory.path, join(deploy, path));
  const { components = [], ...others } = more;
  const kustomization = {
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    resources: [reach(folder)],
    components: components.map(reach),
    ...others,
  };
  await writeFile(join(directory.path, "kustomization.yaml"), stringify(kustomization));
  return render(directory.path);
}

/** The objects of a YAML stream. Every one must have a kind and a name. */
export function parseManifests(text: string): Manifest[] {
  return parseAllDocuments(text).map((document) => {
    const value: unknown = document.toJS();
    if (!isManifest(value)) throw new CliError(`not an object of Kubernetes: ${JSON.stringify(value)}`);
    return value;
  });
}

/** The one object of a kind. */
export function only(manifests: readonly Manifest[], kind: string): Manifest {
  const [found, ...others] = manifests.filter((manifest) => manifest.kind === kind);
  if (found === undefined || others.length > 0) {
    throw new CliError(
      `${1 + others.length - (found === undefined ? 1 : 0)} objects of kind ${kind}, not one`,
    );
  }
  return found;
}

/** The value at a path of a document; undefined where there is none. */
export function at(value: unknown, ...steps: readonly (string | number)[]): unknown {
  return steps.reduce<unknown>(
    (inner, step) => (typeof inner === "object" && inner !== null ? Reflect.get(inner, step) : undefined),
    value,
  );
}

function isManifest(value: unknown): value is Manifest {
  return typeof at(value, "kind") === "string" && typeof at(value, "metadata", "name") === "string";
}

/** The texts of an array, or the keys of an object, in order. */
export function texts(value: unknown): string[] {
  const list = Array.isArray(value) ? value.map(String) : Object.keys(Object(value));
  return list.toSorted();
}
