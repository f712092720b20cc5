/** What a `WWW-Authenticate` header asks for. */
export interface Challenge {
  /** In lower case: `bearer`, `basic`. */
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const challengeStart =
  /(?:^|,\s*)([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?=\s+[!#$%&'*+.^_`|~0-9A-Za-z-]+\s*=|\s*$|\s*,)/g;
const parameter = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))/g;

/** Reads `WWW-Authenticate` (RFC 9110, 11.6.1), which may hold several challenges. */
export function parseChallenges(header: string): Challenge[] {
  // Quoted text may look like anything: it is blanked while the schemes are looked for.
  const masked = header.replace(/"(?:[^"\\]|\\.)*"/g, (text) => `"${"x".repeat(text.length - 2)}"`);
  const starts = [...masked.matchAll(challengeStart)].map((match) => ({
    scheme: (match[1] ?? "").toLowerCase(),
    from: match.index + match[0].length,
    at: match.index,
  }));
  return starts.map(({ scheme, from }, index) => {
    const text = header.slice(from, starts[index + 1]?.at);
    const parameters = [...text.matchAll(parameter)].map(([, name = "", quoted, plain]) => {
      return [name.toLowerCase(), quoted?.replace(/\\(.)/g, "$1") ?? plain ?? ""] as const;
    });
    return { scheme, parameters: Object.fromEntries(parameters) };
  });
}
