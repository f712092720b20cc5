/**
 * The bytes that istiod makes of pluginConfig on its way to the proxy: a protobuf Struct written by Go's jsonpb, that is
 * without white space, keys sorted by their bytes, numbers as JavaScript writes them, and `<`, `>`, `&`, U+2028, U+2029
 * escaped. An absent or empty pluginConfig reaches the filter as no bytes at all.
 */
export function structJson(config: Readonly<Record<string, unknown>> | undefined): string {
  if (config === undefined || Object.keys(config).length === 0) return "";
  return write(config);
}

function write(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(write).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).toSorted(([a], [b]) =>
      Buffer.compare(Buffer.from(a), Buffer.from(b)),
    );
    return `{${entries.map(([key, item]) => `${text(key)}:${write(item)}`).join(",")}}`;
  }
  return typeof value === "string" ? text(value) : JSON.stringify(value);
}

const escaped: Readonly<Record<string, string>> = {
  "<": "\\u003c",
  ">": "\\u003e",
  "&": "\\u0026",
  "\u2028": "\\u2028",
  "\u2029": "\\u2029",
};

function text(value: string): string {
  return JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (character) => escaped[character] ?? character);
}
