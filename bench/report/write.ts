import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { standalone } from "./charts/theme.ts";
import { htmlReport } from "./html.ts";
import { markdownReport } from "./markdown.ts";
import type { BenchReport } from "./model.ts";
import { sectionsOf } from "./sections.ts";

/** Writes `report.json`, `report.md`, `index.html` and `figures/*.svg` into a folder; what was there of them is replaced. */
export async function writeBenchReport(report: BenchReport, directory: string): Promise<void> {
  const sections = sectionsOf(report);
  const figures = join(directory, "figures");
  await rm(figures, { recursive: true, force: true });
  await mkdir(figures, { recursive: true });
  await writeFile(join(directory, "report.json"), `${JSON.stringify(report)}\n`);
  await writeFile(join(directory, "report.md"), markdownReport(report, sections));
  await writeFile(join(directory, "index.html"), htmlReport(report, sections));
  for (const { name, svg } of sections.flatMap((section) => section.figures)) {
    await writeFile(join(figures, `${name}.svg`), `${standalone(svg)}\n`);
  }
}
