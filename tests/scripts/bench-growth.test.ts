import assert from "node:assert/strict";
import { test } from "node:test";
import { measured } from "../../bench/harness/rounds.ts";
import type { SweepPoint } from "../../bench/harness/types.ts";
import type { BenchReport } from "../../bench/report/model.ts";
import { riseOf } from "../../bench/report/rise.ts";
import { madeUpReport, rowNamed, sectionNamed } from "./made-up-report.ts";

const NAME = "Tickgate: labels and an exact quota";

function point(size: number, each: readonly number[]): SweepPoint {
  return { arm: "exact", size, perFilterMicros: measured(each), proofs: [] };
}

/** A report whose filter took so much at these numbers of users, and the counted instructions so much more at the most. */
function usersRun(points: readonly SweepPoint[], instructions = 1.05): BenchReport {
  const { sweeps, micro } = madeUpReport();
  assert.ok(sweeps && micro);
  const counted = [
    { size: 1, instructions: 1000 },
    { size: 1_000_000, instructions: 1000 * instructions },
  ];
  return madeUpReport({
    sweeps: { ...sweeps, options: { ...sweeps.options, requests: 40, users: [1, 10_000] }, users: points },
    micro: { ...micro, sweeps: [{ name: "users", points: counted }] },
  });
}

const grown = [point(1, [11, 11.2, 11.4]), point(10_000, [13, 14, 15]), point(100_000, [11, 12, 16])];

test("growth is from the smallest size to the dearest, wherever that is", () => {
  const rise = riseOf(grown, "exact");
  assert.equal(rise?.smallest.size, 1);
  assert.equal(rise?.dearest.size, 10_000);
  assert.ok(Math.abs((rise?.more.value ?? NaN) - 2.8) < 1e-9);
  assert.ok((rise?.more.low ?? NaN) >= 1.6 - 1e-9 && (rise?.more.high ?? NaN) <= 4 + 1e-9);
  assert.equal(riseOf(grown.slice(0, 1), "exact"), undefined);
  assert.equal(riseOf(grown, "leased"), undefined);
});

test("time that grows while instructions do not is said, with how much and where", () => {
  const { text, title, tables } = sectionNamed(usersRun(grown), "growth");
  assert.match(title, /grows/);
  const said = text.join("\n");
  assert.match(
    said,
    /more users\*\*, CPU grows: .*11\.20 µs at 1, 14\.00 µs at 10,000 \(\+2\.8; 1\.\d to [34]\.\d\)/,
  );
  assert.match(said, /Instructions are flat over users \(1\.05x up to 1,000,000\)/);
  assert.match(said, /of 10,000 users no more than 40 are in use/);
  assert.match(rowNamed(tables, NAME).at(-1) ?? "", /^2\.80 \(/);
});

test("noise is not called growth, and no cause is given for what is not seen or is counted too", () => {
  const noisy = [point(1, [11, 12, 13]), point(10_000, [10, 12.5, 14])];
  const calm = sectionNamed(usersRun(noisy), "growth").text.join("\n");
  assert.match(calm, /more users\*\*: no growth beyond the noise/);
  assert.doesNotMatch(calm, /Instructions are flat/);
  assert.doesNotMatch(sectionNamed(usersRun(grown, 1.3), "growth").text.join("\n"), /Instructions are flat/);
});
