import { textOf, type BenchReport, type Section, type Table } from "./model.ts";
import { sectionsOf } from "./sections.ts";

/** The report as Markdown; figures are the files beside it. */
export function markdownReport(
  report: BenchReport,
  sections: readonly Section[] = sectionsOf(report),
): string {
  const { environment, commit } = report;
  const head = `# Benchmark of Tickgate at ${commit}\n\n${environment.startedAt.slice(0, 10)}, Envoy ${environment.envoy}, ${environment.cores} x ${environment.cpuModel}.`;
  return `${[head, ...sections.map(sectionText)].join("\n\n")}\n`;
}

function sectionText({ title, text, figures, tables }: Section): string {
  const pictures = figures.map(({ name, caption }) => `![${escaped(caption)}](figures/${name}.svg)`);
  return [`## ${title}`, ...text, ...pictures, ...tables.map(tableText)].join("\n\n");
}

/** A table, its caption above it. */
export function tableText({ caption, head, rows, words = [] }: Table): string {
  const rule = head.map((_, column) => (column === 0 || words.includes(column) ? "---" : "---:"));
  const body = rows.map((row) => line(row.map((cell) => escaped(textOf(cell)))));
  const lines = [line(head.map(escaped)), line(rule), ...body].join("\n");
  return caption === undefined ? lines : `**${escaped(caption)}**\n\n${lines}`;
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function escaped(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}
