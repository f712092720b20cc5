import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { headersSeen } from "../../bench/harness/load.ts";
import { order, RESPONSE } from "../../bench/micro/scenarios.ts";
import { headlines } from "../../bench/report/headlines.ts";
import { tableText } from "../../bench/report/markdown.ts";
import type { BenchReport } from "../../bench/report/model.ts";
import { parseJson } from "../../deploy/tool/json.ts";
import { root } from "../../scripts/lib/paths.ts";
import { cpuReport, madeUpReport, rowNamed, sectionNamed } from "./made-up-report.ts";

function fileOf(path: string): Promise<string> {
  return readFile(join(root, path), "utf8");
}

/** Rows as they are, whatever they were padded with. */
function rowsOf(markdown: string): string[] {
  const lines = markdown.split("\n").filter((line) => line.startsWith("| ") && !line.startsWith("| -"));
  return lines.map((line) => line.replaceAll(/ +/g, " "));
}

test("the README has the tables of the sample report, figure by figure", async () => {
  const sample = parseJson<BenchReport>(await fileOf("bench/results/sample/report.json"));
  const section = (await fileOf("README.md")).split("\n## ").find((part) => part.startsWith("What it costs"));
  const tables = sectionNamed(sample, "short").tables.map(tableText);
  assert.deepEqual(
    rowsOf(section ?? ""),
    tables.flatMap(rowsOf),
    `"What it costs" must have these tables, from bench/results/sample/report.md:\n\n${tables.join("\n\n")}`,
  );
});

test("what is written of the headers of a request is what is sent", async () => {
  const method = (await fileOf("bench/README.md")).replaceAll(/\s+/g, " ");
  assert.ok(method.includes(`${headersSeen.length} request headers`));
  assert.ok(
    method.includes(`${order("BTC-USD").length} in the request and ${RESPONSE.length} in the response`),
  );
});

test("an arm is shown alone and with warm caches, and what it leaves out beside it", () => {
  const { tables } = sectionNamed(madeUpReport(), "short");
  assert.deepEqual(rowNamed(tables, "Tickgate: labels and an exact quota").slice(1), [
    "9.0 (8.9 to 9.1)",
    "4.5 (4.4 to 4.6)",
    "7 (7 to 7)",
    "7 (7 to 7)",
    "18,000",
    "budget",
  ]);
  const native = rowNamed(tables, "local_ratelimit by user + access_loggers.stats");
  assert.match(
    native.at(-1) ?? "",
    /any value a caller sends, classes of result: it is the status code, budget/,
  );
  assert.equal(rowNamed(tables, "no filter")[3], "247 in all");
});

test("figures without a counterpart, and none that was not measured", () => {
  const { tables } = sectionNamed(madeUpReport(), "short");
  assert.equal(rowNamed(tables, "CPU, exact quota / C++ stack, alone")[1], "1.80x (1.78 to 1.82)");
  assert.equal(
    rowNamed(tables, "more sidecars of one size for a rate, exact quota")[1],
    "20 % (20 % to 20 %)",
  );
  const { cpu, commit, command, quick, seconds, environment } = madeUpReport();
  assert.ok(cpu);
  const few = sectionNamed(
    { cpu, commit, command, quick, seconds, environment, k6: [], absent: [] },
    "short",
  );
  const names = few.tables[1]?.rows.map(([what]) => what);
  assert.deepEqual(names, [
    "CPU, exact quota / C++ stack, alone",
    "CPU, exact quota / C++ stack, caches warm",
    "targets",
  ]);
});

test("the first card is what a sidecar pays, and says what the lower figure is", () => {
  const [first, second] = headlines(madeUpReport({ cpu: cpuReport(1.79) }));
  assert.equal(first?.value, "9.0");
  assert.match(first?.what ?? "", /alone as in a busy sidecar .*; 4\.5 as one of 8 copies, caches warm/);
  assert.equal(second?.value, "1.79");
  assert.match(second?.what ?? "", /\(alone 1\.80x\); which leaves out bounds: its labels take any value/);
  assert.doesNotMatch(second?.what ?? "", /budget/);
});
