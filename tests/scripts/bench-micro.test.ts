import assert from "node:assert/strict";
import { test } from "node:test";
import type { Figures, PathCost } from "../../bench/micro/figures.ts";
import { TOLERANCE, judge, steepSweeps } from "../../bench/micro/gate.ts";
import { changeTable } from "../../bench/micro/print.ts";
import { FLAT, SWEEPS, type SweepResult } from "../../bench/micro/sweeps.ts";

const path: PathCost = {
  calls: { proxy_get_header_map_pairs: 2, proxy_record_metric: 1 },
  mallocs: 2,
  bytesCopied: 600,
  instructions: 5000,
  pages: 25,
  pagesGrown: 0,
};

function figures(changed: Partial<PathCost> = {}, more: Partial<Figures> = {}): Figures {
  return { moduleBytes: 60_000, toolchain: "gcc 12", paths: { allowed: { ...path, ...changed } }, ...more };
}

function sweep(...instructions: readonly number[]): SweepResult {
  const points = instructions.map((cost, index) => ({ size: 10 ** index, instructions: cost }));
  return { name: "users", points };
}

test("a run as budgeted passes, and so does one within the tolerance", () => {
  assert.equal(judge(figures(), figures()).passed, true);
  const within = judge(figures(), figures({ instructions: 5000 * (1 + TOLERANCE) }));
  assert.deepEqual(within.changes, []);
  assert.equal(within.passed, true);
});

test("five percent more instructions fail, and the table has before and after", () => {
  const verdict = judge(figures(), figures({ instructions: 5250 }));
  assert.equal(verdict.passed, false);
  assert.equal(verdict.better, false);
  assert.deepEqual(verdict.changes, [{ path: "allowed", figure: "instructions", before: 5000, after: 5250 }]);
  const [, row = ""] = changeTable(verdict.changes).split("\n");
  assert.match(row, /allowed\s+instructions\s+5000\s+5250\s+5\.0 %/);
});

test("fewer instructions fail too, as something to be accepted: what is not kept hides the next loss", () => {
  const verdict = judge(figures(), figures({ instructions: 4500 }));
  assert.equal(verdict.passed, false);
  assert.equal(verdict.better, true);
});

test("one more host call, malloc or page of growth fails, however little it is in percent", () => {
  const calls = { ...path.calls, proxy_record_metric: 1.001 };
  for (const changed of [{ calls }, { mallocs: 2.001 }, { pagesGrown: 1 }]) {
    assert.equal(judge(figures(), figures(changed)).passed, false, JSON.stringify(changed));
  }
  const fewer = judge(figures(), figures({ calls: { proxy_get_header_map_pairs: 2 } }));
  assert.deepEqual(fewer.changes, [{ path: "allowed", figure: "proxy_record_metric", before: 1, after: 0 }]);
});

test("a larger module fails, and so does a path that is new or gone", () => {
  assert.equal(judge(figures(), figures({}, { moduleBytes: 63_000 })).passed, false);
  const other = { allowed: path, refused: path };
  assert.equal(judge(figures(), figures({}, { paths: other })).passed, false);
  assert.equal(judge(figures({}, { paths: other }), figures()).passed, false);
});

test("instructions of other programs are not compared, the rest is", () => {
  const elsewhere = figures({ instructions: 9000 }, { toolchain: "gcc 14" });
  const verdict = judge(figures(), elsewhere);
  assert.equal(verdict.incomparable, true);
  assert.equal(verdict.passed, true);
  assert.equal(judge(figures(), { ...elsewhere, moduleBytes: 70_000 }).passed, false);
});

test("a cost that grows with users fails at more than 1.2 times the smallest, wherever the dearest size is", () => {
  assert.equal(FLAT, 1.2);
  const flat = figures({}, { sweeps: [sweep(1000, 1100, 1200)] });
  assert.deepEqual(steepSweeps(flat), []);
  assert.equal(judge(figures(), flat).passed, true);
  for (const costs of [
    [1000, 1100, 1201],
    [1000, 1300, 1000],
  ]) {
    const grown = figures({}, { sweeps: [sweep(...costs)] });
    const verdict = judge(figures(), grown);
    assert.equal(verdict.passed, false, String(costs));
    assert.match(verdict.steep[0] ?? "", /^users: costs up to 1\.\d+ times the smallest, at most 1\.2$/);
  }
});

test("a sweep without figures is not flat", () => {
  for (const broken of [sweep(), sweep(NaN, 1000)])
    assert.equal(steepSweeps(figures({}, { sweeps: [broken] })).length, 1);
});

test("what may grow without costing more is swept from nothing to the most there can be", () => {
  const sizes = new Map(SWEEPS.map((one) => [one.name, one.sizes]));
  assert.deepEqual(sizes.get("live streams"), [0, 10, 100, 1000, 10_000]);
  assert.deepEqual(sizes.get("users"), [1, 10, 100, 1000, 10_000, 100_000, 1_000_000]);
  const series = sizes.get("series");
  assert.equal(series?.[0], 1);
  assert.ok((series?.at(-1) ?? 0) >= 70_000);
  assert.ok(SWEEPS.some(({ name }) => name.startsWith("configured operations")));
});
