import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import {
  LineCounter,
  parseAllDocuments,
  type Document,
  type DocumentOptions,
  type ParseOptions,
  type ScalarTag,
  type SchemaOptions,
  type Tags,
} from "yaml";
import { CliError } from "../../../scripts/lib/cli.ts";
import type { Finding } from "./finding.ts";
import { nowhere, positionsIn, type Positions } from "./positions.ts";

interface Place {
  readonly file: string;
  readonly document?: number;
  readonly positions: Positions;
}

/** A plugin configuration as JSON, judged byte for byte. */
export interface ConfigSource extends Place {
  readonly kind: "config";
  readonly bytes: Uint8Array;
}

/** An object of a manifest. `prefix`: where it lies in its document, `""` or `items[0].`. */
export interface ObjectSource extends Place {
  readonly kind: "object";
  readonly prefix: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/** What a file holds, and what keeps parts of it from being read. */
export interface Sources {
  readonly found: readonly (ConfigSource | ObjectSource)[];
  readonly findings: readonly Finding[];
}

/** Reads a file, `-` for stdin: one JSON document, or YAML documents. A CliError when it can't be read at all. */
export async function readSources(path: string): Promise<Sources> {
  const file = path === "-" ? "stdin" : path;
  const bytes = path === "-" ? await buffer(process.stdin) : await readBytes(path);
  return parseSources(file, bytes);
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^\w+: ([^,]*),.*$/, "$1") : String(error);
    throw new CliError(`${path} can't be read: ${reason}`);
  }
}

/** `readSources` for bytes at hand. */
export function parseSources(file: string, bytes: Uint8Array): Sources {
  const text = new TextDecoder().decode(bytes);
  const valid = isJson(text);
  if (!valid) return isMeantAsJson(file, text) ? jsonText(file, bytes, stopOf(text)) : yamlText(file, text);
  const { documents, lines } = parseYaml(text, { version: "1.2", uniqueKeys: false });
  const [document] = documents;
  const positions = document === undefined ? nowhere : positionsIn(document, lines);
  const value: unknown = JSON.parse(text);
  if (!isRecord(value) || typeof value["kind"] !== "string") return jsonText(file, bytes, positions);
  return { found: objectsOf({ file, positions }, value), findings: [] };
}

/** Whether a text that is no JSON was to be JSON. No bytes at all are a configuration to the filter. */
function isMeantAsJson(file: string, text: string): boolean {
  if (file.endsWith(".json")) return true;
  return /^\s*[{[]/.test(text) || (text === "" && !/\.ya?ml$/.test(file));
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function jsonText(file: string, bytes: Uint8Array, positions: Positions): Sources {
  return { found: [{ kind: "config", file, bytes, positions }], findings: [] };
}

/** For a text that is no JSON: the line where reading stopped. */
function stopOf(text: string): Positions {
  try {
    JSON.parse(text);
    return nowhere;
  } catch (error) {
    const [, position] = /at position (\d+)/.exec(String(error)) ?? [];
    const read = position === undefined ? text.trimEnd() : text.slice(0, Number(position));
    const line = read.split("\n").length;
    return { ...nowhere, lineOf: () => line };
  }
}

function yamlText(file: string, text: string): Sources {
  const { documents, lines } = parseYaml(text, { version: "1.1", customTags: kubernetesTags });
  const several = documents.length > 1;
  const found: ObjectSource[] = [];
  const findings: Finding[] = [];
  for (const [index, document] of documents.entries()) {
    const place = { file, ...(several ? { document: index + 1 } : {}) };
    for (const { message, linePos } of document.errors) {
      const [line = ""] = message.split("\n");
      const at = linePos?.[0].line;
      findings.push({
        severity: "error",
        ...place,
        path: "document",
        ...(at === undefined ? {} : { line: at }),
        message: line.replace(/ at line \d+, column \d+:?$/, ""),
      });
    }
    if (document.errors.length > 0) continue;
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    if (value === null || value === undefined) continue;
    const positions = positionsIn(document, lines);
    if (isRecord(value) && typeof value["kind"] === "string") {
      found.push(...objectsOf({ ...place, positions }, value));
      continue;
    }
    const message = "is no Kubernetes object (no kind): a plugin configuration by itself is JSON";
    findings.push({
      severity: "error",
      ...place,
      path: "document",
      line: positions.lineOf("document") ?? 1,
      message,
    });
  }
  return { found, findings };
}

/** Kubernetes reads YAML 1.1, where `no` is false, but without its dates and its numbers of base 60. */
function kubernetesTags(tags: Tags): Tags {
  return tags.filter((tag) => typeof tag === "string" || !isLeftOut(tag));
}

function isLeftOut(tag: { tag: string; format?: string } | ScalarTag): boolean {
  return tag.tag === "tag:yaml.org,2002:timestamp" || ("format" in tag && tag.format === "TIME");
}

function parseYaml(
  text: string,
  options: ParseOptions & DocumentOptions & SchemaOptions,
): { documents: Document[]; lines: LineCounter } {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, { ...options, lineCounter: lines, prettyErrors: true });
  return { documents: "empty" in parsed ? [] : parsed, lines };
}

/** The object itself, or the items of a list. */
function objectsOf(place: Place, value: Readonly<Record<string, unknown>>): ObjectSource[] {
  const { items } = value;
  if (!String(value["kind"]).endsWith("List") || !Array.isArray(items)) {
    return [{ kind: "object", ...place, prefix: "", value }];
  }
  const objects: readonly unknown[] = items;
  return objects.flatMap((item, index) =>
    isRecord(item) ? [{ kind: "object", ...place, prefix: `items[${index}].`, value: item } as const] : [],
  );
}

/** Whether a value is an object with keys. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
