import assert from "node:assert/strict";
import { test } from "node:test";
import { arms, describeArm } from "../../bench/harness/arms.ts";
import { measured } from "../../bench/harness/rounds.ts";
import type { ArmId, ThroughputArm, ThroughputReport } from "../../bench/harness/types.ts";
import type { BenchReport } from "../../bench/report/model.ts";
import { madeUpReport, rowNamed, sectionNamed } from "./made-up-report.ts";

/** A throughput run whose open loop took these millicores, round by round. */
function steadyRun(millicores: Partial<Record<ArmId, readonly number[]>>): BenchReport {
  const { throughput } = madeUpReport();
  assert.ok(throughput);
  const [first] = throughput.arms;
  assert.ok(first);
  const measuredArms = arms.flatMap((arm): ThroughputArm[] => {
    const rounds = millicores[arm.id];
    if (rounds === undefined) return [];
    const each = measured(rounds);
    const steady = { steadyMillicores: each, steadyMicrosPerRequest: each };
    return [Object.assign({}, first, describeArm(arm), steady)];
  });
  const changed: ThroughputReport = { ...throughput, arms: measuredArms };
  return madeUpReport({ throughput: changed });
}

test("millicores have an interval, and the difference to no filter is of the same rounds", () => {
  // The machine got slower from round to round: what an arm adds did not.
  const { tables } = sectionNamed(steadyRun({ none: [100, 120, 140], exact: [150, 170, 190] }), "throughput");
  assert.deepEqual(rowNamed(tables, "no filter").slice(5), ["120", "100 to 140", "", ""]);
  assert.deepEqual(rowNamed(tables, "Tickgate: labels and an exact quota").slice(5), [
    "170",
    "150 to 190",
    "50",
    "50 to 50",
  ]);
});

function textOf(report: BenchReport): string {
  return sectionNamed(report, "throughput").text.join("\n");
}

test("two arms in an order that their rounds do not tell are named", () => {
  const noisy = steadyRun({ none: [100, 101, 102], dimensions: [160, 170, 180], leased: [150, 165, 190] });
  assert.match(
    textOf(noisy),
    /do not tell these apart.*leases of 16 against Tickgate: labels only: -5 \(-10 to 10\)\./,
  );
  assert.doesNotMatch(textOf(noisy), /labels only against no filter/);
  const clear = steadyRun({ none: [100, 101, 102], dimensions: [160, 170, 180], leased: [150, 160, 170] });
  assert.doesNotMatch(textOf(clear), /do not tell/);
});

test("how many more pods is a ratio with an interval", () => {
  const report = steadyRun({ none: [100, 100, 100], exact: [120, 140, 150] });
  assert.match(
    sectionNamed(report, "throughput").text.join("\n"),
    /: 40 % more \(95% interval 20 % to 50 %\)/,
  );
});

test("what was added up is not said to have been measured", () => {
  const { text } = sectionNamed(madeUpReport(), "memory");
  assert.match(
    text.join("\n"),
    /No Envoy was measured with .* add up to 96\.0 MiB, which stays inside 128 MiB/,
  );
});
