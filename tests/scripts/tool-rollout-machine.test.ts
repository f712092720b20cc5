import assert from "node:assert/strict";
import { test } from "node:test";
import { drive, type Ending } from "../../deploy/tool/rollout/driver.ts";
import type { Plan } from "../../deploy/tool/rollout/plan.ts";
import { approvalOf, encodeState, type RolloutState } from "../../deploy/tool/rollout/state.ts";
import { SeededRandom } from "../../scripts/sample/random.ts";
import { Killed, SimulatedCluster, simulatedPlan, type Behaviour } from "./simulated-cluster.ts";

const plan: Plan = { ...simulatedPlan, steps: [5, 25, 50, 100] };

const good: Behaviour = {};

interface Setting {
  readonly pods?: number;
  readonly plan?: Partial<Plan>;
  readonly v1?: Behaviour;
  readonly v2?: Behaviour;
  readonly phase?: "baseline" | "moving";
  readonly seed?: number;
}

function begin({
  pods = 20,
  v1 = good,
  v2 = good,
  phase = "moving",
  seed = 1,
  ...rest
}: Setting): SimulatedCluster {
  const cluster = new SimulatedCluster(pods, { v1, v2 }, seed);
  const state: RolloutState = {
    id: "r1",
    plan: { ...plan, ...rest.plan },
    original: {},
    phase,
    step: 0,
  };
  cluster.stored = encodeState(state);
  return cluster;
}

/** Runs processes one after the other until one of them comes to an end; each continues from the stored state. */
async function carryOn(cluster: SimulatedCluster, lines: string[] = []): Promise<Ending | undefined> {
  for (let processes = 0; processes < 1000; processes++) {
    const state = cluster.state();
    if (state === undefined) return undefined;
    try {
      return await drive(cluster, state, { approvalMillis: 60_000, report: (line) => lines.push(line) });
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      cluster.kill = undefined;
    }
  }
  throw new Error(`no end is in sight: ${lines.slice(-5).join(" | ")}`);
}

/** What has to be true in the end, whatever happened on the way. */
function assertEnd(cluster: SimulatedCluster, result: "promoted" | "rolled-back", context = ""): void {
  const version = result === "promoted" ? "v2" : "v1";
  assert.equal(cluster.count("canary"), 0, `${context}: pods on the canary track`);
  assert.deepEqual(cluster.versions(), [version], `${context}: versions`);
  assert.equal(cluster.stableVersion, version, context);
  assert.equal(cluster.stored, undefined, `${context}: the canary plugin is still there`);
  assert.deepEqual(
    cluster.finished.map((one) => one.result),
    [result],
    context,
  );
}

test("a version that is no worse reaches every pod, in the steps of the plan", async () => {
  const cluster = begin({});
  const shares = new Set<number>();
  cluster.onCall = () => shares.add(cluster.count("canary"));
  const ending = await carryOn(cluster);
  assert.equal(ending?.result, "promoted", ending?.reason);
  assertEnd(cluster, "promoted");
  assert.match(ending.unknown.join(), /Envoy's own counters are not published/, "the simulation has none");
  for (const share of [1, 5, 10, 20]) assert.ok(shares.has(share), `${share} pods at a time`);
});

const bad: readonly { name: string; v2: Behaviour; reason: RegExp; most?: number }[] = [
  {
    name: "fails requests",
    v2: { errors: 0.2 },
    reason: /errors: [12]\d\S* % \(\d+ of \d+\), old version 0 %/,
  },
  { name: "traps", v2: { traps: true }, reason: /VM reloads: \d+ in 1 pods.*the filter traps/ },
  { name: "is slow", v2: { micros: 5000 }, reason: /time in the filter, p50: \d+ us, old version 300 us/ },
  { name: "denies too much", v2: { denials: 0.5 }, reason: /quota denials: .*most: orders/ },
  { name: "is refused by the proxies", v2: { refused: true }, reason: /^pod pod-\d+ refused v2$/ },
];

for (const { name, v2, reason } of bad) {
  test(`a version that ${name} goes back after one pod`, async () => {
    const cluster = begin({ v2 });
    let most = 0;
    cluster.onCall = () => (most = Math.max(most, cluster.count("canary")));
    const ending = await carryOn(cluster);
    assert.match(ending?.reason ?? "", reason);
    assert.equal(most, 1);
    assertEnd(cluster, "rolled-back");
  });
}

for (const { name, setting, result } of [
  { name: "a good version", setting: { pods: 6 }, result: "promoted" },
  { name: "a bad version", setting: { pods: 6, v2: { errors: 0.3 } }, result: "rolled-back" },
  { name: "one pod only", setting: { pods: 1, phase: "baseline" }, result: "promoted" },
] as const) {
  test(`killed at any call of the cluster, before or after it works: ${name}`, async () => {
    const undisturbed = begin(quick(setting));
    await carryOn(undisturbed);
    assertEnd(undisturbed, result);
    for (let call = 1; call <= undisturbed.calls; call++) {
      for (const after of [false, true]) {
        const cluster = begin(quick(setting));
        cluster.kill = { call, after };
        await carryOn(cluster);
        assertEnd(cluster, result, `killed ${after ? "after" : "before"} call ${call}`);
      }
    }
  });
}

/** Short windows: the number of calls squared is what this takes. */
function quick(setting: Setting): Setting {
  return { ...setting, plan: { steps: [25, 100], windowMillis: 4000, settleMillis: 500 } };
}

test("killed again and again, and pods replaced meanwhile, at random", async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = new SeededRandom(seed);
    const isBad = random.chance(0.5);
    const cluster = begin({
      seed,
      pods: 1 + random.below(12),
      phase: "baseline",
      v2: isBad ? { errors: 0.3 } : good,
    });
    let kills = 20;
    cluster.onCall = () => {
      if (kills > 0 && cluster.kill === undefined && random.chance(0.02)) {
        kills -= 1;
        cluster.kill = { call: cluster.calls + 1 + random.below(5), after: random.chance(0.5) };
      }
      if (random.chance(0.002)) cluster.replacePod(0);
    };
    await carryOn(cluster);
    assertEnd(cluster, isBad ? "rolled-back" : "promoted", `seed ${seed}`);
  }
});

test("too little traffic: the window is extended, then it pauses and says so; nothing is decided on a few requests", async () => {
  const cluster = begin({ v1: { perSecond: 0.2 }, v2: { perSecond: 0.05, errors: 1 } });
  const lines: string[] = [];
  const ending = await carryOn(cluster, lines);
  assert.equal(ending?.result, "undecided");
  assert.match(
    ending?.reason ?? "",
    /too little is known: .*the new version: \d requests in 1 pods, 100 are needed/,
  );
  assert.ok(lines.some((line) => line.startsWith("watching longer")));
  assert.equal(cluster.count("canary"), 1);
  assert.equal(cluster.state()?.phase, "paused");
});

test("too little traffic, and told to go back then", async () => {
  const cluster = begin({ v2: { perSecond: 0.1 }, plan: { onDoubt: "rollback" } });
  await carryOn(cluster);
  assertEnd(cluster, "rolled-back");
});

test("manual approval: every step waits for its own", async () => {
  const cluster = begin({ plan: { approval: "manual", steps: [50, 100] } });
  const first = await carryOn(cluster);
  assert.equal(first?.result, "undecided");
  assert.match(first?.reason ?? "", /step 1 of 2 \(50 %\) is fine and waits for approval/);
  const approve = (): void => {
    const state = cluster.state();
    if (state?.phase === "paused") cluster.asked = { approved: approvalOf(state) };
  };
  approve();
  const second = await carryOn(cluster);
  assert.equal(second?.state.step, 1, "the approval of the first step is none of the second");
  assert.equal(second?.result, "undecided");
  approve();
  assert.equal((await carryOn(cluster))?.result, "promoted");
  assertEnd(cluster, "promoted");
});

test("aborted by somebody at any moment before it is promoted", async () => {
  const undisturbed = begin({ pods: 4 });
  await carryOn(undisturbed);
  for (let call = 1; call < undisturbed.calls; call += 7) {
    const cluster = begin({ pods: 4 });
    cluster.onCall = () => {
      if (cluster.calls === call) cluster.asked = { abort: "by the test" };
    };
    const ending = await carryOn(cluster);
    assert.ok(ending !== undefined);
    if (ending.result === "rolled-back") assert.equal(ending.reason, "aborted: by the test");
    assertEnd(cluster, ending.result === "rolled-back" ? "rolled-back" : "promoted", `at call ${call}`);
  }
});

test("a signal leaves the rollout where it is, and the next process goes on", async () => {
  const cluster = begin({});
  const interruption = new AbortController();
  cluster.onCall = () => {
    if (cluster.count("canary") === 5) interruption.abort();
  };
  const state = cluster.state();
  assert.ok(state !== undefined);
  const options = { approvalMillis: 1, report: () => undefined, signal: interruption.signal };
  const stopped = await drive(cluster, state, options);
  assert.equal(stopped.result, "stopped");
  assert.deepEqual(cluster.state(), stopped.state);
  cluster.onCall = undefined;
  await carryOn(cluster);
  assertEnd(cluster, "promoted");
});

test("blue-green: one pod first, then all others at once, judged by what the old version did before", async () => {
  const shares = new Set<number>();
  const cluster = begin({ plan: { strategy: "blue-green", steps: [0, 100] } });
  cluster.onCall = () => shares.add(cluster.count("canary"));
  await carryOn(cluster);
  assertEnd(cluster, "promoted");
  assert.ok(shares.has(1) && shares.has(20));
});

test("worse at full share only: compared with what was kept of the old version", async () => {
  const cluster = begin({ plan: { strategy: "blue-green", steps: [0, 100] } });
  cluster.onCall = () => {
    if (cluster.count("canary") === 20) cluster.setBehaviour("v2", { errors: 0.1 });
  };
  const ending = await carryOn(cluster);
  assert.match(ending?.reason ?? "", /errors: .* old version 0 %/);
  assertEnd(cluster, "rolled-back");
});
