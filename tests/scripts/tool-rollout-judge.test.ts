import assert from "node:assert/strict";
import { test } from "node:test";
import { noCounts, sumCounts, type Counts, type ProxyCounts } from "../../deploy/tool/metrics/counts.ts";
import type { Distribution } from "../../deploy/tool/metrics/distribution.ts";
import { decisive, judge } from "../../deploy/tool/rollout/judge.ts";
import { leastIncrease, shareBounds } from "../../deploy/tool/rollout/statistics.ts";
import { defaultThresholds, type Verdict } from "../../deploy/tool/rollout/verdict.ts";
import { SeededRandom } from "../../scripts/sample/random.ts";

const bounds = [100, 200, 400, 800, 1600, 3200];

/** `total` requests, all at most `micros` but `slow` of them, which take up to 3200. */
function times(total: number, micros: number, slow = 0): Distribution {
  const upTo = bounds.map((bound) => (bound < micros ? 0 : bound < 3200 ? total - slow : total));
  return { bounds, counts: upTo, total };
}

function millis(total: number, each: number, slow = 0): Distribution {
  const limits = [0.5, 1, 5, 10, 25];
  return {
    bounds: limits,
    counts: limits.map((bound) => (bound < each ? 0 : bound < 25 ? total - slow : total)),
    total,
  };
}

function proxy(requests: number, errors = 0, durationMillis = millis(requests, 1)): ProxyCounts {
  return { requests, errors, durationMillis };
}

function counts(requests: number, more: Partial<Counts> = {}): Counts {
  return { ...noCounts, requests, durationMicros: times(requests, 400), proxy: proxy(requests), ...more };
}

interface Case {
  readonly name: string;
  readonly canary: Counts;
  readonly stable?: Counts;
  readonly verdict: Verdict;
  readonly because?: RegExp;
}

const cases: readonly Case[] = [
  { name: "the same", canary: counts(500), verdict: "ok" },
  {
    name: "nothing at all",
    canary: counts(0),
    verdict: "unclear",
    because: /the new version: 0 requests in 1 pods, 100 are needed/,
  },
  { name: "one request too few", canary: counts(99), verdict: "unclear", because: /99 requests/ },
  { name: "just enough", canary: counts(100), verdict: "ok" },
  {
    name: "too few to compare with",
    canary: counts(500),
    stable: counts(50),
    verdict: "unclear",
    because: /the old version: 50 requests/,
  },
  { name: "three requests, all failed: not decided", canary: counts(3, { errors: 3 }), verdict: "unclear" },
  { name: "one error in a hundred is chance", canary: counts(100, { errors: 1 }), verdict: "ok" },
  {
    name: "three in a hundred are a suspicion",
    canary: counts(100, { errors: 3 }),
    verdict: "unclear",
    because: /errors: 3 % \(3 of 100\), old version 0 %.*perhaps/,
  },
  {
    name: "ten in a hundred are certain",
    canary: counts(100, { errors: 10 }),
    verdict: "worse",
    because: /errors: 10 % \(10 of 100\)/,
  },
  { name: "all of thirty are certain, though few", canary: counts(30, { errors: 30 }), verdict: "worse" },
  {
    name: "0.4 points more are allowed, on however many",
    canary: counts(100_000, { errors: 400 }),
    stable: counts(1_000_000),
    verdict: "ok",
  },
  {
    name: "0.7 points are not",
    canary: counts(100_000, { errors: 700 }),
    stable: counts(1_000_000),
    verdict: "worse",
  },
  {
    name: "both fail alike",
    canary: counts(1000, { errors: 100 }),
    stable: counts(5000, { errors: 500 }),
    verdict: "ok",
  },
  { name: "better than before", canary: counts(1000), stable: counts(5000, { errors: 500 }), verdict: "ok" },
  {
    name: "denies half",
    canary: counts(1000, { denied: { orders: 490, all: 10 } }),
    verdict: "worse",
    because: /quota denials: 50 %.*most: orders 490/,
  },
  {
    name: "denies as before",
    canary: counts(1000, { denied: { orders: 300 } }),
    stable: counts(5000, { denied: { orders: 1450 } }),
    verdict: "ok",
  },
  {
    name: "denials above the requests",
    canary: counts(1000, { denied: { a: 900, b: 900 } }),
    stable: counts(5000, { denied: { a: 5000 } }),
    verdict: "ok",
  },
  {
    name: "fails itself",
    canary: counts(1000, { failures: { store: 20 } }),
    verdict: "worse",
    because: /filter failures: 2 %.*most: store 20/,
  },
  {
    name: "fails itself as before (clock)",
    canary: counts(1000, { failures: { clock: 900 } }),
    stable: counts(5000, { failures: { clock: 4500 } }),
    verdict: "ok",
  },
  {
    name: "a trap, without traffic",
    canary: counts(0, { vmReloads: 1 }),
    verdict: "worse",
    because: /VM reloads: 1 in 1 pods, old version 0 in 4: the filter traps/,
  },
  {
    name: "traps as often as before",
    canary: counts(500, { vmReloads: 2 }),
    stable: counts(5000, { vmReloads: 8 }),
    verdict: "ok",
  },
  {
    name: "traps more often than before",
    canary: counts(500, { vmReloads: 3 }),
    stable: counts(5000, { vmReloads: 8 }),
    verdict: "worse",
  },
  {
    name: "dead: Envoy counts, the filter does not",
    canary: counts(0, { proxy: proxy(300, 300), durationMicros: times(0, 400) }),
    verdict: "worse",
    because: /errors as Envoy counts them: 100 %.*requests the filter did not see: 100 %/,
  },
  {
    name: "bypassed: Envoy answers well, the filter sees nothing",
    canary: counts(0, { proxy: proxy(300), durationMicros: times(0, 400) }),
    verdict: "worse",
    because: /^requests the filter did not see: 100 % \(300 of 300\)/,
  },
  { name: "the filter's counters lag a little", canary: counts(400, { proxy: proxy(500) }), verdict: "ok" },
  {
    name: "half of them slower",
    canary: counts(500, { durationMicros: times(500, 400, 300) }),
    verdict: "worse",
    because: /time in the filter, p50.*60 % take over 800 us, 50 % may/,
  },
  {
    name: "a tail of one in ten",
    canary: counts(500, { durationMicros: times(500, 400, 50) }),
    verdict: "worse",
    because: /time in the filter, p99.*10 % take over 1600 us, 1 % may/,
  },
  {
    name: "a tail of one in a hundred",
    canary: counts(500, { durationMicros: times(500, 400, 5) }),
    verdict: "ok",
  },
  {
    name: "a tail as before",
    canary: counts(500, { durationMicros: times(500, 400, 50) }),
    stable: counts(5000, { durationMicros: times(5000, 400, 500) }),
    verdict: "ok",
  },
  {
    name: "slower by less than the floor",
    canary: counts(500, { durationMicros: times(500, 800) }),
    verdict: "ok",
  },
  {
    name: "slow in Envoy only",
    canary: counts(500, { proxy: proxy(500, 0, millis(500, 1, 400)) }),
    verdict: "worse",
    because: /time in Envoy, p50/,
  },
];

test("one version against the other", async (t) => {
  for (const { name, canary, stable = counts(2000), verdict, because } of cases) {
    await t.test(name, () => {
      const judgement = judge({ pods: 1, counts: canary }, { pods: 4, counts: stable }, defaultThresholds);
      const text = decisive(judgement)
        .map((finding) => finding.text)
        .join("; ");
      assert.equal(judgement.verdict, verdict, text);
      if (because !== undefined) assert.match(text, because);
    });
  }
});

function judged(canary: readonly Counts[], stable: readonly Counts[]): Verdict {
  return judge(
    { pods: canary.length, counts: sumCounts(canary) },
    { pods: stable.length, counts: sumCounts(stable) },
    defaultThresholds,
  ).verdict;
}

test("canaries that are dead are found however many pods are idle", () => {
  const served = counts(1000);
  const dead = counts(0, { durationMicros: times(0, 400), proxy: proxy(1000, 1000) });
  const { proxy: _none, ...idle } = counts(0, { durationMicros: times(0, 400) });
  assert.equal(judged([served, served, served, served, dead], [served, served]), "worse");
  assert.equal(judged([served, served, served, served, dead], [served, idle]), "worse", "a stable pod idle");
  assert.equal(judged([idle, served, served, served, dead], [served, served]), "worse", "a canary pod idle");
  assert.equal(judged([served, served, dead, dead, dead, dead], [idle, served]), "worse", "most are dead");
  assert.equal(judged([served, idle], [served, idle]), "ok", "nothing is dead");
  assert.equal(judged([idle], [served]), "unclear", "nothing reached the new version");
});

test("without Envoy's own counters it is said that they are missing, and the rest is judged", () => {
  const { proxy: _none, ...blind } = counts(500);
  for (const stable of [blind, counts(2000)]) {
    const judgement = judge({ pods: 1, counts: blind }, { pods: 4, counts: stable }, defaultThresholds);
    assert.equal(judgement.verdict, "ok");
    assert.ok(
      judgement.findings.some((one) => one.verdict === "unknown" && one.text.includes("proxyStatsMatcher")),
    );
  }
});

test("bounds of shares: known values, and the edges", () => {
  // The exact 95 % interval for 10 of 100 is 4.9 % to 17.6 %; for none of 100 the upper bound is 1 - 0.025^(1/100).
  const { low, high } = shareBounds({ hits: 10, total: 100 }, 0.975);
  assert.ok(Math.abs(low - 0.04901) < 1e-4 && Math.abs(high - 0.17622) < 1e-4, `${low} ${high}`);
  assert.ok(Math.abs(shareBounds({ hits: 0, total: 100 }, 0.975).high - (1 - 0.025 ** 0.01)) < 1e-9);
  const large = shareBounds({ hits: 20_000, total: 1_000_000 }, 0.975);
  assert.ok(
    Math.abs(large.low - 0.019727) < 1e-5 && Math.abs(large.high - 0.020276) < 1e-5,
    JSON.stringify(large),
  );
  assert.deepEqual(shareBounds({ hits: 0, total: 0 }, 0.99), { low: 0, high: 1 });
  assert.ok(shareBounds({ hits: 0, total: 10 }, 0.99).low === 0);
  assert.ok(shareBounds({ hits: 10, total: 10 }, 0.99).high > 0.9999);
  assert.ok(leastIncrease({ hits: 5, total: 100 }, { hits: 5, total: 100 }, 0.9) < 0);
});

test("equal versions are rarely rolled back, worse ones nearly always: 2000 windows of each", () => {
  const random = new SeededRandom(7);
  const windows = 2000;
  const worse = (share: number): number => {
    let rolledBack = 0;
    for (let window = 0; window < windows; window++) {
      const [canary, stable] = [drawn(random, 300, share), drawn(random, 3000, 0.02)];
      const group = (requests: number, errors: number) => ({ pods: 1, counts: counts(requests, { errors }) });
      const { verdict } = judge(group(300, canary), group(3000, stable), defaultThresholds);
      rolledBack += verdict === "worse" ? 1 : 0;
    }
    return rolledBack / windows;
  };
  assert.ok(worse(0.02) < 0.002, "equal");
  assert.ok(worse(0.12) > 0.95, "ten points more");
});

function drawn(random: SeededRandom, total: number, share: number): number {
  let hits = 0;
  for (let i = 0; i < total; i++) hits += random.chance(share) ? 1 : 0;
  return hits;
}
