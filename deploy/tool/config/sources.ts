import { isUtf8 } from "node:buffer";
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
  type YAMLParseError,
} from "yaml";
import { findSyntaxFault } from "../../../scripts/lib/config/syntax.ts";
import { isRecord } from "../../../scripts/lib/record.ts";
import type { Finding } from "./finding.ts";
import { emptyConfiguration, wordsOf } from "../given-file.ts";
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

/** Reads a file, `-` for stdin: one JSON document, or YAML documents. One that can't be read is a finding. */
export async function readSources(path: string): Promise<Sources> {
  const file = path === "-" ? "stdin" : path;
  try {
    return parseSources(file, path === "-" ? await buffer(process.stdin) : await readFile(path));
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    return refused(file, `can't be read: ${wordsOf(error)}`);
  }
}

function refused(file: string, message: string): Sources {
  return { found: [], findings: [{ severity: "error", file, path: "document", message }] };
}

/** `readSources` for bytes at hand. */
export function parseSources(file: string, bytes: Uint8Array): Sources {
  const text = new TextDecoder().decode(bytes);
  // No bytes are all defaults to the filter; in a file they are a pipe that failed or a draft.
  if (text.trim() === "" && !isNamedYaml(file)) return refused(file, emptyConfiguration);
  if (!isJson(text)) {
    if (isMeantAsJson(file, text)) return jsonText(file, bytes, stopOf(text));
    return isText(bytes) ? yamlText(file, text) : refused(file, "is no JSON or YAML: it is not a text");
  }
  const { documents, lines } = parseYaml(text, { version: "1.2", uniqueKeys: false });
  const [document] = documents;
  const positions = document === undefined ? nowhere : positionsIn(document, lines);
  const value: unknown = JSON.parse(text);
  if (!isRecord(value) || typeof value["kind"] !== "string") return jsonText(file, bytes, positions);
  return { found: objectsOf({ file, positions }, value), findings: [] };
}

function isNamedYaml(file: string): boolean {
  return /\.ya?ml$/.test(file);
}

function isText(bytes: Uint8Array): boolean {
  return isUtf8(bytes) && !bytes.includes(0);
}

/** Whether a text that is no JSON was to be JSON. */
function isMeantAsJson(file: string, text: string): boolean {
  return file.endsWith(".json") || /^\s*[{[]/.test(text);
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
  const line = findSyntaxFault(text)?.line;
  return { ...nowhere, lineOf: () => line };
}

function yamlText(file: string, text: string): Sources {
  const { documents, lines } = parseYaml(text, { version: "1.1", customTags: kubernetesTags });
  const several = documents.length > 1;
  const found: ObjectSource[] = [];
  const findings: Finding[] = [];
  for (const [index, document] of documents.entries()) {
    const place = { file, ...(several ? { document: index + 1 } : {}) };
    const [error] = document.errors;
    if (error !== undefined) {
      // What comes behind the first is mostly its echo.
      findings.push(syntaxFinding(place, error));
      continue;
    }
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

function syntaxFinding(
  place: Pick<Finding, "file" | "document">,
  { message, linePos }: YAMLParseError,
): Finding {
  const at = linePos?.[0];
  const [first = ""] = message.split("\n");
  const what = first.replace(/ at line \d+, column \d+:?$/, "").slice(0, 200);
  return {
    severity: "error",
    ...place,
    path: "document",
    ...(at === undefined ? {} : { line: at.line }),
    message: at === undefined ? what : `line ${at.line}, column ${at.col}: ${what}`,
  };
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
