import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../../scripts/lib/paths.ts";
import { standalone } from "./charts/theme.ts";
import { htmlReport } from "./html.ts";
import { markdownReport } from "./markdown.ts";
import type { BenchReport } from "./model.ts";
import { sectionsOf } from "./sections.ts";

/** Writes `report.json`, `report.md`, `index.html` and `figures/*.svg` into a folder; what was there of them is replaced. */
export async function writeBenchReport(measured: BenchReport, directory: string): Promise<void> {
  const json = JSON.stringify(measured, forReaders);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const report = JSON.parse(json) as BenchReport;
  const sections = sectionsOf(report);
  const figures = join(directory, "figures");
  await rm(figures, { recursive: true, force: true });
  await mkdir(figures, { recursive: true });
  await writeFile(join(directory, "report.json"), `${json}\n`);
  await writeFile(join(directory, "report.md"), markdownReport(report, sections));
  await writeFile(join(directory, "index.html"), htmlReport(report, sections));
  for (const { name, svg } of sections.flatMap((section) => section.figures)) {
    await writeFile(join(figures, `${name}.svg`), `${standalone(svg)}\n`);
  }
}

/** What says something of the machine but nothing to a reader goes: paths above the project, all of a kernel but its line. */
function forReaders(key: string, value: unknown): unknown {
  if (typeof value !== "string") return value;
  if (key === "kernel") return /^\d+\.\d+/.exec(value)?.[0] ?? value;
  return value.replaceAll(`${root}/`, "");
}
