/** A block of commands on a page, and what the page shows of their output. */
export interface Step {
  /** As it is on the page. */
  readonly commands: string;
  /** Lines that the output has, in this order; `...` stands for anything. */
  readonly shown: readonly string[];
  /** The heading above it. */
  readonly heading: string;
}

/** The `sh` blocks of a Markdown page in order; a `text` block right behind one is its output. */
export function readSteps(markdown: string): Step[] {
  const steps: { commands: string; shown: string[]; heading: string }[] = [];
  let heading = "";
  for (const [, language, body = "", title] of markdown.matchAll(/^```(\w*)\n([^]*?)^```$|^#+ (.*)$/gm)) {
    if (title !== undefined) heading = title;
    if (language === "sh") steps.push({ commands: body, shown: [], heading });
    if (language === "text") steps.at(-1)?.shown.push(...body.trimEnd().split("\n"));
  }
  return steps;
}

/** The commands with other values in `export NAME=value` for the names given. */
export function withSettings(commands: string, settings: Readonly<Record<string, string>>): string {
  return commands.replaceAll(/^export (\w+)=.*$/gm, (line, name: string) => {
    const value = settings[name];
    return value === undefined ? line : `export ${name}='${value}'`;
  });
}

/** The first shown line that the output lacks, or has only before another one; undefined when all are there. */
export function missingLine(shown: readonly string[], output: string): string | undefined {
  const lines = output.split("\n");
  let from = 0;
  return shown.find((line) => {
    const pattern = patternOf(line);
    const at = lines.findIndex((candidate, index) => index >= from && pattern.test(candidate));
    if (at >= 0) from = at + 1;
    return at < 0;
  });
}

/** Columns are as wide as their contents: any space stands for any number of them. */
function patternOf(line: string): RegExp {
  const parts = line.trim().split(/(\s+|\.\.\.)/);
  const source = parts.map((part) => {
    if (part === "...") return ".*";
    return /^\s+$/.test(part) ? String.raw`\s+` : part.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`);
  });
  return new RegExp(`^\\s*${source.join("").replaceAll(String.raw`\s+.*\s+`, String.raw`\s.*\s*`)}\\s*$`);
}
