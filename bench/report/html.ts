import { colourVariables } from "./charts/theme.ts";
import { cautions } from "./soundness.ts";
import { headlines } from "./headlines.ts";
import type { Judged } from "./targets.ts";
import { type BenchReport, type Cell, type Figure, type Section, type Table } from "./model.ts";
import { sectionsOf } from "./sections.ts";
import { STYLE } from "./style.ts";

/** The report as one page: no script, nothing fetched. */
export function htmlReport(report: BenchReport, sections: readonly Section[] = sectionsOf(report)): string {
  const { light, dark } = colourVariables();
  const title = `Tickgate benchmark, ${report.commit}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)}</title>
<style>
:root{${light}}
@media (prefers-color-scheme:dark){:root{${dark}}}
${STYLE}
@media print{:root{${light}}}
</style>
</head>
<body>
${header(report)}
<nav>${sections.map(({ id, word }) => `<a href="#${id}">${escaped(word)}</a>`).join("")}</nav>
<main>
${sections.map(sectionHtml).join("\n")}
</main>
</body>
</html>
`;
}

function header(report: BenchReport): string {
  const { environment, commit } = report;
  const date = environment.startedAt.slice(0, 10);
  const facts = [
    `commit ${commit}`,
    date,
    `Envoy ${environment.envoy}`,
    `${environment.cores} x ${environment.cpuModel}`,
  ];
  const cards = headlines(report).map(
    ({ value, unit, what, target }) =>
      `<div class="card"><b>${escaped(value)}<small>${escaped(unit)}</small></b><span>${escaped(what)}</span>${goal(target)}</div>`,
  );
  return `<header>
<p class="kicker">Tickgate benchmark</p>
<h1>What the filter costs</h1>
<p class="facts">${facts.map((fact) => `<span>${escaped(fact)}</span>`).join("")}</p>
<div class="cards">${cards.join("")}</div>
${notice(cautions(report))}
</header>`;
}

/** What a target asks of a figure, and whether it was met. */
function goal(target: Judged | undefined): string {
  if (target?.bound === undefined) return "";
  const bound = `${target.bound.toLocaleString("en-US", { maximumFractionDigits: 2 })} ${target.unit}`.trim();
  const tone = { met: "good", "not met": "bad", "can't be told": "muted", "not measured": "muted" };
  const untold = target.outcome === "can't be told" ? ", can't be told" : "";
  return `<em class="${tone[target.outcome]}">target: at most ${escaped(bound)}${untold}</em>`;
}

/** What keeps a report from being one to publish, where everybody sees it. */
function notice(lines: readonly string[]): string {
  if (lines.length === 0) return "";
  return `<ul class="notice">${lines.map((line) => `<li>${escaped(line)}</li>`).join("")}</ul>`;
}

function sectionHtml({ id, title, text, figures, tables }: Section): string {
  const paragraphs = text.map((one) => `<p>${marked(one)}</p>`).join("\n");
  return `<section id="${id}">
<h2>${escaped(title)}</h2>
${paragraphs}
${figures.map(figureHtml).join("\n")}
${tables.map(tableHtml).join("\n")}
</section>`;
}

function figureHtml({ svg, caption }: Figure): string {
  const named = svg.replace("<svg ", `<svg aria-label="${escaped(caption)}" `);
  return `<figure><div class="chart">${named}</div><figcaption>${escaped(caption)}</figcaption></figure>`;
}

function tableHtml({ caption, head, rows, words = [] }: Table): string {
  const side = (column: number): string => (column === 0 || words.includes(column) ? ' class="words"' : "");
  const top = head.some((cell) => cell !== "")
    ? `<thead><tr>${head.map((cell, column) => `<th${side(column)}>${escaped(cell)}</th>`).join("")}</tr></thead>`
    : "";
  const body = rows.map(
    (row) => `<tr>${row.map((cell, column) => cellHtml(cell, side(column))).join("")}</tr>`,
  );
  const name = caption === undefined ? "" : `<caption>${escaped(caption)}</caption>`;
  return `<div class="table"><table>${name}${top}<tbody>${body.join("\n")}</tbody></table></div>`;
}

function cellHtml(cell: Cell, side: string): string {
  if (typeof cell === "string") return `<td${side}>${escaped(cell)}</td>`;
  return `<td${side}><span class="${cell.tone}">${escaped(cell.text)}</span></td>`;
}

/** Text with \`code\` and **strong** words. */
function marked(text: string): string {
  return escaped(text)
    .replaceAll(/`([^`]+)`/g, "<code>$1</code>")
    .replaceAll(/\*\*([^*]+)\*\*/g, "<strong>$1</strong>");
}

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
