import { checkConfig } from "../../../scripts/lib/config/check.ts";
import type { Config } from "../../../scripts/lib/config/types.ts";
import { adviseConfig } from "./advice.ts";
import type { Finding, Remark } from "./finding.ts";
import { isRecord } from "../../../scripts/lib/record.ts";
import { readSources, type ConfigSource, type ObjectSource, type Sources } from "./sources.ts";
import { judgePlugin, wasmPluginVersion } from "./wasmplugin.ts";

/** What was looked at, and everything there is to say, in the order of files and lines. */
export interface CheckReport {
  readonly files: number;
  /** Configurations that were judged, those in manifests included. */
  readonly configurations: number;
  readonly findings: readonly Finding[];
}

/** Judges files as the filter, Istio's CRD and experience do. A file that holds nothing to judge is an error. */
export async function checkFiles(paths: readonly string[]): Promise<CheckReport> {
  const findings: Finding[] = [];
  let configurations = 0;
  for (const path of paths) {
    const sources = await readSources(path);
    const judged = sources.found.filter(isJudged);
    configurations += judged.length;
    const ofFile = [...sources.findings, ...repeatedObjects(judged), ...judged.flatMap(judge)];
    if (judged.length === 0 && ofFile.length === 0) ofFile.push(nothingIn(path, sources));
    findings.push(...ofFile.toSorted((one, other) => (one.line ?? 0) - (other.line ?? 0)));
  }
  return { files: paths.length, configurations, findings };
}

function isJudged(source: ConfigSource | ObjectSource): boolean {
  return source.kind === "config" || source.value["kind"] === "WasmPlugin";
}

function nothingIn(path: string, { found }: Sources): Finding {
  const kinds = found.flatMap((source) => (source.kind === "object" ? [String(source.value["kind"])] : []));
  const what = kinds.length === 0 ? "is empty" : `holds only ${[...new Set(kinds)].join(", ")}`;
  const file = path === "-" ? "stdin" : path;
  return {
    severity: "error",
    file,
    path: "document",
    message: `${what}: no WasmPlugin, no plugin configuration`,
  };
}

/** Of two objects with one name the cluster gets the last one. */
function repeatedObjects(judged: readonly (ConfigSource | ObjectSource)[]): Finding[] {
  const first = new Map<string, ObjectSource>();
  return judged.flatMap((source) => {
    const name = source.kind === "object" ? nameOf(source.value) : undefined;
    if (source.kind !== "object" || name === undefined) return [];
    const known = first.get(name);
    if (known === undefined) {
      first.set(name, source);
      return [];
    }
    const line = known.positions.lineOf(`${known.prefix}metadata.name`);
    const message = `${name} is in this file twice${line === undefined ? "" : `, first at line ${line}`}: only the last one would stay`;
    return [finding("error", source, { path: `${source.prefix}metadata.name`, message })];
  });
}

function judge(source: ConfigSource | ObjectSource): Finding[] {
  return source.kind === "config" ? judgeConfig(source) : judgeObject(source);
}

function judgeConfig(source: ConfigSource): Finding[] {
  const result = checkConfig(source.bytes);
  if (!result.ok) return result.errors.map((remark) => finding("error", source, remark));
  return adviseConfig(result.config).map((remark) => finding("warning", source, remark));
}

function judgeObject(source: ObjectSource): Finding[] {
  const { value, prefix } = source;
  const errors: Remark[] = [];
  if (value["apiVersion"] !== wasmPluginVersion) {
    errors.push({
      path: "apiVersion",
      message: `${String(value["apiVersion"])} is not ${wasmPluginVersion}`,
    });
  }
  if (nameOf(value) === undefined) errors.push({ path: "metadata.name", message: "is required" });
  const { spec } = value;
  if (!isRecord(spec)) errors.push({ path: "spec", message: "is required, an object" });
  const inner = isRecord(spec) ? judgePluginConfig(spec["pluginConfig"]) : undefined;
  const outer = isRecord(spec) ? judgePlugin(spec, inner?.config) : undefined;
  errors.push(...(outer?.errors ?? []), ...(inner?.errors ?? []));
  const warnings = [...(outer?.warnings ?? []), ...(inner?.warnings ?? [])];
  const at = ({ path, message }: Remark): Remark => ({ path: `${prefix}${path}`, message });
  return [
    ...errors.map((remark) => finding("error", source, at(remark))),
    ...warnings.map((remark) => finding("warning", source, at(remark))),
  ];
}

interface InnerVerdict {
  readonly config?: Config;
  readonly errors: readonly Remark[];
  readonly warnings: readonly Remark[];
}

/** Judges a pluginConfig. Istio hands an absent or an empty one to the filter as no bytes at all. */
function judgePluginConfig(value: unknown): InnerVerdict {
  // judgePlugin says that it is no object.
  if (value !== undefined && !isRecord(value)) return { errors: [], warnings: [] };
  const result = checkConfig(JSON.stringify(value ?? {}));
  if (!result.ok) return { errors: result.errors.map(inside), warnings: [] };
  return { config: result.config, errors: [], warnings: adviseConfig(result.config).map(inside) };
}

function inside({ path, message }: Remark): Remark {
  return { path: path === "document" ? "spec.pluginConfig" : `spec.pluginConfig.${path}`, message };
}

function nameOf(value: Readonly<Record<string, unknown>>): string | undefined {
  const { metadata } = value;
  if (!isRecord(metadata)) return undefined;
  const { namespace, name } = metadata;
  if (typeof name !== "string") return undefined;
  return typeof namespace === "string" ? `${namespace}/${name}` : name;
}

function finding(
  severity: Finding["severity"],
  source: ConfigSource | ObjectSource,
  { path, message }: Remark,
): Finding {
  const line = source.positions.lineOf(path);
  const place = {
    file: source.file,
    ...(source.document === undefined ? {} : { document: source.document }),
    ...(source.kind === "object" ? { object: `WasmPlugin ${nameOf(source.value) ?? "without a name"}` } : {}),
    path,
    ...(line === undefined ? {} : { line }),
  };
  return { severity, ...place, message: `${message}${wordHint(source, path, message)}` };
}

/** YAML 1.1, which Kubernetes reads, has more words for true and false than people know. */
function wordHint(source: ConfigSource | ObjectSource, path: string, message: string): string {
  const [, value] = /^(true|false) is not /.exec(message) ?? [];
  const spelling = source.positions.spellingOf(path);
  if (value === undefined || spelling === undefined || spelling.toLowerCase() === value) return "";
  return `: Kubernetes reads ${spelling} as ${value}, write "${spelling}"`;
}
