import assert from "node:assert/strict";
import { test } from "node:test";
import type { BenchReport } from "../../bench/report/model.ts";
import { summary } from "../../bench/report/sections/targets.ts";
import { judgeTargets, type Judged } from "../../bench/report/targets.ts";
import type { Estimate } from "../../bench/statistics.ts";
import { madeUpReport, overheadReport, targetNamed } from "./made-up-report.ts";

/** A run in which, by the client's clock, two listeners without a filter differ by so much at p99, and the filter adds so much. */
function noisyRun(noiseMicros: number, added: Estimate): BenchReport {
  const overhead = overheadReport();
  const noise = { value: 0, low: -noiseMicros, high: noiseMicros / 2, samples: 3 };
  const comparisons = overhead.comparisons.map((one) => {
    const p99 = one.clock === "client" ? { none_again: noise, exact: added }[one.name] : undefined;
    return { ...one, p99: p99 ?? one.p99 };
  });
  return madeUpReport({ k6: [{ ...overhead, comparisons }] });
}

const bandOfClient = "Added latency p99, within the band of no filter against itself (client)";

function outcomeOf(noiseMicros: number, added: Estimate): string {
  return targetNamed(noisyRun(noiseMicros, added), bandOfClient).outcome;
}

test("a band of noise wider than a whole request proves nothing: neither met nor not met", () => {
  const small = { value: 20, low: 10, high: 30, samples: 3 };
  // A request without a filter takes 247 µs at the median.
  assert.equal(outcomeOf(240, small), "met");
  assert.equal(outcomeOf(250, small), "can't be told");
  assert.equal(outcomeOf(250, { ...small, value: 260, high: 500 }), "can't be told");
  assert.equal(outcomeOf(250, { value: 400, low: 251, high: 500, samples: 3 }), "not met");
});

test("the summary counts every target once, and names what can't be told beside the others", () => {
  const judged = judgeTargets(noisyRun(250, { value: 20, low: -200, high: 300, samples: 3 }));
  const count = (outcome: Judged["outcome"]): number =>
    judged.filter((one) => one.outcome === outcome).length;
  const [met, missed, untold, unknown] = [
    count("met"),
    count("not met"),
    count("can't be told"),
    count("not measured"),
  ];
  assert.equal(met + missed + untold + unknown, judged.length);
  const text = summary(judged);
  assert.ok(text.startsWith(`${met} of ${judged.length} targets are met`), text);
  assert.match(text, new RegExp(`\\. ${missed} (is|are) not met`));
  assert.match(
    text,
    /For 1 it can't be told: .* up to 250 µs, where a whole request takes 247 at the median\./,
  );
  assert.equal(judged.filter(({ outcome, sure }) => outcome === "can't be told" && sure).length, 0);
});

test("a doubtful target is told of among its own", () => {
  const one = judgeTargets(madeUpReport()).find(({ sure }) => sure);
  assert.ok(one);
  const doubtful: Judged = { ...one, sure: false };
  assert.match(
    summary([one, doubtful, { ...one, outcome: "not met" }]),
    /^2 of 3 .* \(not certain for 1: .*\)\. 1 is not met\.$/,
  );
});
