import { readFile } from "node:fs/promises";
import { parseAllDocuments } from "yaml";
import { CliError } from "../../../scripts/lib/cli.ts";
import { checkConfig } from "../../../scripts/lib/config/check.ts";
import type { WasmPlugin, WasmPluginSpec } from "../cluster/plugins.ts";
import { parseJson } from "../json.ts";

/** Reads a plugin configuration. A CliError with every fault when the filter would refuse it. */
export async function readConfigFile(path: string): Promise<Record<string, unknown>> {
  const text = await readText(path);
  assertConfig(text, path);
  return text.trim() === "" ? {} : parseJson<Record<string, unknown>>(text);
}

/** A CliError with every fault when the filter would refuse the configuration of this spec. */
export function assertPluginConfig(spec: WasmPluginSpec, where: string): void {
  assertConfig(JSON.stringify(spec.pluginConfig ?? {}), where);
}

function assertConfig(text: string, where: string): void {
  const result = checkConfig(text);
  if (result.ok) return;
  const lines = result.errors.map(({ path, message }) => `  ${path}: ${message}`);
  throw new CliError(
    `the filter would refuse ${where}:\n${lines.join("\n")}`,
    "nothing was changed; tickgate config check shows the lines",
  );
}

/** The spec of the WasmPlugin of that name in a YAML file: one object, or what `kustomize build` prints. */
export async function readManifest(path: string, name: string): Promise<WasmPluginSpec> {
  const text = await readText(path);
  const documents = parseAllDocuments(text);
  const faulty = "empty" in documents ? undefined : documents.find(({ errors }) => errors.length > 0);
  if (faulty !== undefined) throw new CliError(`${path} is not YAML: ${faulty.errors[0]?.message ?? ""}`);
  const objects: unknown[] = documents.map((document) => document.toJS() as unknown);
  const plugins = objects.filter(isPlugin);
  const found = plugins.find(({ metadata }) => metadata.name === name);
  if (found !== undefined) return found.spec;
  const names = plugins.map(({ metadata }) => metadata.name).join(", ");
  throw new CliError(
    `${path} has no WasmPlugin ${name}${names === "" ? "" : `, it has ${names}`}`,
    "--name chooses another; kustomize build OVERLAY > FILE makes the manifest of an overlay",
  );
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

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new CliError(`${path} can't be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
