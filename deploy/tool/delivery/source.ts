import { parseAllDocuments } from "yaml";
import { CliError, progress } from "../../../scripts/lib/cli.ts";
import { checkConfig } from "../../../scripts/lib/config/check.ts";
import type { WasmPlugin, WasmPluginSpec } from "../cluster/plugins.ts";
import { pluginName } from "../cluster/render.ts";
import { emptyConfiguration, readGivenFile } from "../given-file.ts";
import { parseJson } from "../json.ts";

/** Reads a plugin configuration. A CliError with every fault when the filter would refuse it, and for an empty file. */
export async function readConfigFile(path: string): Promise<Record<string, unknown>> {
  const bytes = await readGivenFile(path);
  const text = new TextDecoder().decode(bytes);
  // No bytes are all defaults to the filter; in a file they are a mishap.
  if (text.trim() === "") throw new CliError(`${path} ${emptyConfiguration}`, "nothing was changed");
  assertConfig(bytes, path);
  return parseJson<Record<string, unknown>>(text);
}

/** A CliError with every fault when the filter would refuse the configuration of this spec. */
export function assertPluginConfig(spec: WasmPluginSpec, where: string): void {
  assertConfig(JSON.stringify(spec.pluginConfig ?? {}), where);
}

function assertConfig(text: string | Uint8Array, where: string): void {
  const result = checkConfig(text);
  if (result.ok) return;
  const lines = result.errors.map(({ path, message }) => `  ${path}: ${message}`);
  throw new CliError(
    `the filter would refuse ${where}:\n${lines.join("\n")}`,
    "nothing was changed; tickgate config check shows the lines",
  );
}

/**
 * The spec of the WasmPlugin of that name in a YAML file: one object, or what `kustomize build` prints. Says on stderr
 * which other plugins of ours are left out; a CliError for two of that name.
 */
export async function readManifest(path: string, name: string): Promise<WasmPluginSpec> {
  const text = new TextDecoder().decode(await readGivenFile(path));
  const documents = parseAllDocuments(text);
  const faulty = "empty" in documents ? undefined : documents.find(({ errors }) => errors.length > 0);
  if (faulty !== undefined) throw new CliError(`${path} is not YAML: ${faulty.errors[0]?.message ?? ""}`);
  const objects: unknown[] = documents.map((document) => document.toJS() as unknown);
  const plugins = objects.filter(isPlugin);
  const [found, ...more] = plugins.filter(({ metadata }) => metadata.name === name);
  if (more.length > 0) {
    const places = [found, ...more].map((plugin) => plugin?.metadata.namespace ?? "no namespace");
    throw new CliError(
      `${path} has WasmPlugin ${name} ${places.length} times: in ${places.join(", ")}`,
      "one file for each: kustomize build OVERLAY > FILE",
    );
  }
  if (found !== undefined) {
    noteOthers(path, name, plugins);
    return found.spec;
  }
  const names = plugins.map(({ metadata }) => metadata.name).join(", ");
  throw new CliError(
    `${path} has no WasmPlugin ${name}${names === "" ? "" : `, it has ${names}`}`,
    "--name chooses another; kustomize build OVERLAY > FILE makes the manifest of an overlay",
  );
}

function noteOthers(path: string, name: string, plugins: readonly WasmPlugin[]): void {
  const others = plugins.filter(
    ({ metadata, spec }) => metadata.name !== name && spec.pluginName === pluginName,
  );
  if (others.length === 0) return;
  const names = others.map(({ metadata }) => metadata.name).join(", ");
  progress(`only WasmPlugin ${name} is taken from ${path}; it also has ${names}: --name chooses another`);
}

function isPlugin(value: unknown): value is WasmPlugin {
  return (
    typeof value === "object" &&
    value !== null &&
    "kind" in value &&
    value.kind === "WasmPlugin" &&
    "spec" in value &&
    "metadata" in value
  );
}
