import assert from "node:assert/strict";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { measured } from "../../bench/harness/rounds.ts";
import { axisAround } from "../../bench/report/charts/axis.ts";
import { measureReport, type MeasureOptions } from "../../bench/report/measure.ts";
import type { BenchReport } from "../../bench/report/model.ts";
import type { Findings, Part } from "../../bench/report/parts.ts";
import { sectionsOf } from "../../bench/report/sections.ts";
import { brokenConditions, cautions, failedParts, isSound } from "../../bench/report/soundness.ts";
import type { Judged } from "../../bench/report/targets.ts";
import { writeBenchReport } from "../../bench/report/write.ts";
import { CliError } from "../../scripts/lib/cli.ts";
import { root } from "../../scripts/lib/paths.ts";
import { temporaryDirectory } from "../../scripts/lib/temporary.ts";
import {
  cpuReport,
  environment,
  madeUpReport,
  overheadReport,
  rowNamed,
  sectionNamed,
  targetNamed,
} from "./made-up-report.ts";

interface Written {
  readonly html: string;
  readonly markdown: string;
  readonly json: string;
  readonly figures: ReadonlyMap<string, string>;
}

async function written(report: BenchReport, stale?: string): Promise<Written> {
  const directory = await temporaryDirectory();
  try {
    const at = (...names: readonly string[]): string => join(directory.path, ...names);
    if (stale !== undefined) {
      await mkdir(at("figures"));
      await writeFile(at("figures", stale), "stale");
    }
    await writeBenchReport(report, directory.path);
    const figures = new Map<string, string>();
    for (const name of await readdir(at("figures")))
      figures.set(name, await readFile(at("figures", name), "utf8"));
    const [html, markdown, json] = await Promise.all(
      ["index.html", "report.md", "report.json"].map((name) => readFile(at(name), "utf8")),
    );
    return { html: html ?? "", markdown: markdown ?? "", json: json ?? "", figures };
  } finally {
    await directory.remove();
  }
}

test("one report becomes a page, Markdown, JSON and figures that agree; old figures go", async () => {
  const report = madeUpReport();
  const { html, markdown, json, figures } = await written(report, "gone.svg");
  assert.deepEqual(JSON.parse(json), JSON.parse(JSON.stringify(report)));
  const sections = sectionsOf(report);
  assert.deepEqual(
    sections.map(({ id }) => id),
    ["short", "targets", "parts", "cpu", "latency", "growth", "throughput", "memory", "counts", "method"],
  );
  for (const { id, title } of sections) {
    assert.ok(html.includes(`<section id="${id}">`), id);
    assert.ok(markdown.includes(`## ${title}\n`), title);
  }
  const names = sections.flatMap((section) => section.figures).map(({ name }) => `${name}.svg`);
  assert.deepEqual([...figures.keys()].toSorted(), names.toSorted());
  for (const name of names) assert.ok(markdown.includes(`(figures/${name})`), name);
});

test("what was measured is what is written, from the page made anew out of its JSON too", async () => {
  const report = madeUpReport();
  const first = await written(report);
  const again = await written(JSON.parse(first.json));
  assert.equal(again.html, first.html);
  assert.equal(again.markdown, first.markdown);
  assert.match(
    first.markdown,
    /\| Tickgate: labels and an exact quota \| 4\.50 \| 4\.40 to 4\.60 \| 1\.80 \| 9\.0 /,
  );
});

test("the page needs nothing from anywhere: no script, no address, every figure in it", async () => {
  const { html, figures } = await written(madeUpReport());
  assert.doesNotMatch(html, /<script|<link|\bsrc=|url\((?!#)|@import/);
  const addresses = [...html.matchAll(/(?:href="(?!#)|https?:)[^"\s<]*/g)].map(([text]) => text);
  assert.deepEqual(
    new Set(addresses),
    new Set(["http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"]),
  );
  assert.equal(html.match(/<svg /g)?.length, figures.size);
  const ids = [...html.matchAll(/\bid="([^"]+)"/g)].map(([, id]) => id);
  assert.equal(new Set(ids).size, ids.length, "an id is there twice: one chart would clip another");
});

test("a figure of its own brings its colours for day and night, and leaves none undefined", async () => {
  const { figures } = await written(madeUpReport());
  for (const [name, svg] of figures) {
    assert.match(svg, /prefers-color-scheme:dark/, name);
    assert.match(svg, /<rect width="100%" height="100%"[^>]*fill="var\(--panel\)"/, name);
    for (const [, used = ""] of svg.matchAll(/var\((--\w+)\)/g)) assert.ok(svg.includes(`${used}:`), used);
    assert.doesNotMatch(svg, /NaN|undefined|0badc/, name);
  }
});

function never(): Promise<Findings> {
  return Promise.reject(new Error("not to be measured"));
}

function measureParts(
  parts: readonly Part[],
  chosen: Pick<MeasureOptions, "only" | "also">,
  progress: (line: string) => void = () => {},
): Promise<BenchReport> {
  return measureReport({
    module: "unused.wasm",
    quick: false,
    seed: 1,
    progress,
    ...chosen,
    command: "npm run bench",
    parts,
    noteEnvironment: () => Promise.resolve(() => environment),
  });
}

test("parts on demand are measured when they are named, beside the usual ones or alone", async () => {
  const done: string[] = [];
  const part = (name: string, more: Partial<Part> = {}): Part => ({
    name,
    about: "",
    measure: () => {
      done.push(name);
      return Promise.resolve({});
    },
    ...more,
  });
  const parts = [part("cpu"), part("memory"), part("soak", { onDemand: true })];
  for (const chosen of [{}, { only: ["soak"] }, { also: ["soak"] }, { only: ["cpu"], also: ["soak"] }]) {
    await measureParts(parts, chosen);
    done.push(".");
  }
  assert.equal(done.join(" "), "cpu memory . soak . cpu memory soak . cpu soak .");
});

test("a part that failed is named everywhere, with its error, and the others go on", async () => {
  const parts: readonly Part[] = [
    {
      name: "cpu",
      about: "fails",
      measure: () => Promise.reject(new CliError("Envoy said <no> & went", "try again")),
    },
    { name: "overhead", about: "works", measure: () => Promise.resolve({ k6: [overheadReport()] }) },
    { name: "memory", about: "not asked for", measure: never },
    { name: "soak", about: "on demand", onDemand: true, measure: never },
  ];
  const lines: string[] = [];
  const report = await measureParts(parts, { only: ["cpu", "overhead"] }, (line) => lines.push(line));
  assert.deepEqual(failedParts(report), ["cpu"]);
  assert.equal(report.cpu, undefined);
  assert.equal(report.k6.length, 1);
  assert.ok(lines.includes("cpu could not be measured: Envoy said <no> & went (try again)"));
  const { html, markdown, json } = await written(report);
  assert.match(html, /<ul class="notice"><li>.*cpu could not be measured: Envoy said &lt;no&gt; &amp; went/);
  assert.doesNotMatch(html, /<no>/);
  assert.match(markdown, /\| cpu \| Envoy said <no> & went \(try again\) \|/);
  assert.match(markdown, /\| memory \| not asked for \|/);
  assert.deepEqual(JSON.parse(json).absent, [
    { part: "memory", why: "not asked for" },
    { part: "soak", why: "not asked for" },
    { part: "cpu", why: "Envoy said <no> & went (try again)" },
  ]);
  assert.equal(targetNamed(report, "CPU, exact quota / native C++ stack").outcome, "not measured");
});

function ratioJudged(ratio: number): Judged {
  return targetNamed(madeUpReport({ cpu: cpuReport(ratio) }), "CPU, exact quota / native C++ stack");
}

test("a target is met up to its bound, and certain only with its whole interval", () => {
  assert.deepEqual(
    [1.4, 1.79, 1.8, 1.81, 2].map((ratio) => {
      const { outcome, sure, stretchMet } = ratioJudged(ratio);
      return [ratio, outcome, sure, stretchMet];
    }),
    [
      [1.4, "met", true, true],
      [1.79, "met", false, false],
      [1.8, "met", false, false],
      [1.81, "not met", false, false],
      [2, "not met", true, false],
    ],
  );
});

test("dropped requests make a run unsound, a missed goal does not", () => {
  assert.deepEqual(brokenConditions(overheadReport()), []);
  const report = madeUpReport({ k6: [overheadReport(60)] });
  assert.equal(isSound(madeUpReport()), true);
  assert.equal(isSound(report), false);
  const median = "Added latency p50 on the request path, by Envoy's clock";
  assert.deepEqual(
    [madeUpReport(), report].map((one) => targetNamed(one, median).outcome),
    ["met", "can't be told"],
  );
  assert.deepEqual(cautions(report), [
    "A condition did not hold: overhead: dropped_iterations count is 60, not == 0.",
  ]);
  assert.match(
    sectionNamed(report, "latency").text.join("\n"),
    /\*\*Not sound\*\*: overhead: dropped_iterations/,
  );
});

test("a module that was built anew while it was measured makes a report unsound", () => {
  const report = madeUpReport({ environment: { ...environment, moduleChanged: true } });
  assert.equal(isSound(report), false);
  assert.match(cautions(report).join(), /not of one module/);
});

test("a worker that was not busy did not serve the most it can, and the report says so", () => {
  const { throughput } = madeUpReport();
  assert.ok(throughput);
  const arms = throughput.arms.map((arm) => Object.assign({}, arm, { busy: measured([0.4]) }));
  assert.match(cautions(madeUpReport({ throughput: { ...throughput, arms } })).join(), /only 40 % busy/);
});

test("a quick run, a busy machine and a changed tree are said first", () => {
  assert.deepEqual(cautions(madeUpReport()), []);
  const busy = { ...environment, loadAverageBefore: 2.5 };
  const lines = cautions(madeUpReport({ quick: true, environment: busy, commit: "abc1234+" }));
  assert.equal(lines.length, 3);
  assert.match(lines.join("\n"), /quick run[^]*load average 2\.5[^]*had changes/);
});

test("one table has what each part costs by every measure, as differences of arms", () => {
  const { tables } = sectionNamed(madeUpReport(), "parts");
  assert.deepEqual(rowNamed(tables, "an exact quota").slice(1), [
    "1.50",
    "1.50 to 1.50",
    "3.0",
    "3.0 to 3.0",
    "3",
    "200",
    "0.0",
  ]);
  assert.deepEqual(rowNamed(tables, "in all: labels and exact quota").slice(1), [
    "4.50",
    "4.40 to 4.60",
    "9.0",
    "8.9 to 9.1",
    "7",
    "900",
    "3.0",
  ]);
});

test("a quantile beyond which there are less than five requests is left out", () => {
  const { tables } = sectionNamed(madeUpReport(), "latency");
  // 400 requests: 40 beyond p90, 4 beyond p99.
  assert.deepEqual(rowNamed(tables, "no filter"), ["no filter", "400", "247", "286", "-", "-", "400"]);
});

test("an axis has round ends, holds what it must, and is not stretched by an outlier", () => {
  assert.deepEqual(axisAround([], []), { min: 0, max: 1, interval: 1 });
  const calm = Array.from({ length: 22 }, (_, n) => n - 5);
  const span = axisAround(calm, [0]);
  assert.ok(span.min <= -5 && span.max >= 16, JSON.stringify(span));
  assert.ok(Number.isInteger(span.min / span.interval), JSON.stringify(span));
  const wild = axisAround([...calm, 20_000], [0]);
  assert.ok(wild.max < 100, JSON.stringify(wild));
  assert.ok(axisAround([...calm, 20_000], [0, 30_000]).max >= 30_000);
});

test("a report names no path of the machine it was made on", async () => {
  const report = madeUpReport();
  const { json, html, markdown } = await written({ ...report, command: `bench --module ${root}/x.wasm` });
  for (const text of [json, markdown, html]) assert.ok(!text.includes(root), text.slice(0, 200));
  assert.ok(json.includes("bench --module x.wasm"));
});

test("of a kernel a report names major and minor, in every part of it", async () => {
  const named = { ...environment, kernel: "6.18.44-fc-v445" };
  const { json, html, markdown } = await written(
    madeUpReport({ environment: named, cpu: { ...cpuReport(), environment: named } }),
  );
  for (const text of [json, markdown, html]) assert.doesNotMatch(text, /6\.18\.|v445/);
  assert.match(markdown, /\| kernel \| 6\.18 \|/);
});
