import assert from "node:assert/strict";
import { test } from "node:test";
import { applyPlugin, type WasmPluginSpec } from "../../deploy/tool/cluster/plugins.ts";
import { pluginOf } from "../../deploy/tool/cluster/render.ts";
import { drive, type Ending } from "../../deploy/tool/rollout/driver.ts";
import { fingerprintOf, readStable } from "../../deploy/tool/rollout/stable.ts";
import { encodeState, type Phase, type RolloutState } from "../../deploy/tool/rollout/state.ts";
import { memoryCluster } from "./memory-cluster.ts";
import { SimulatedCluster, simulatedPlan, type Behaviour } from "./simulated-cluster.ts";

// What others do to the stable plugin and to pods while a rollout is under way.

const plan = simulatedPlan;

function begin(pods: number, v2: Behaviour = {}): SimulatedCluster {
  const cluster = new SimulatedCluster(pods, { v1: {}, v2 });
  cluster.stored = encodeState({ id: "r1", plan, original: {}, phase: "moving", step: 0 });
  return cluster;
}

interface Run {
  readonly ending: Ending;
  readonly lines: readonly string[];
}

async function goOn(
  cluster: SimulatedCluster,
  from: RolloutState | undefined = cluster.state(),
): Promise<Run> {
  assert.ok(from !== undefined);
  const lines: string[] = [];
  const calls = cluster.calls;
  const { onCall } = cluster;
  cluster.onCall = (one) => {
    onCall?.(one);
    assert.ok(one.calls - calls < 20_000, `no end is in sight: ${lines.slice(-5).join(" | ")}`);
  };
  const ending = await drive(cluster, from, { approvalMillis: 1000, report: (line) => lines.push(line) });
  cluster.onCall = undefined;
  return { ending, lines };
}

/** Does something once, as soon as the rollout is in this phase. */
function once(cluster: SimulatedCluster, phase: Phase, act: () => void): void {
  let done = false;
  cluster.onCall = () => {
    if (done || cluster.state()?.phase !== phase) return;
    done = true;
    act();
  };
}

test("the new version, given to the stable plugin by somebody else, is not compared with itself", async () => {
  const cluster = begin(8, { errors: 0.3 });
  cluster.onCall = () => {
    if (cluster.count("canary") === 2 && cluster.stableVersion === "v1") cluster.apply("v2");
  };
  const { ending } = await goOn(cluster);
  assert.equal(ending.result, "stuck");
  assert.match(ending.reason, /stable plugin has the old version \(somebody gave it v2\)/);
  assert.deepEqual(cluster.finished, []);
  cluster.asked = { abort: "by the test" };
  const aborted = await goOn(cluster);
  assert.equal(aborted.ending.result, "superseded", "the pods do not run the old version");
  assert.match(aborted.ending.reason, /^aborted: by the test; the stable plugin: somebody gave it v2$/);
  assert.equal(cluster.count("canary"), 0);
});

test("a stable plugin that is changed and put back: the rollout waits, and judges anew", async () => {
  const cluster = begin(8);
  let waits = 0;
  once(cluster, "watching", () => {
    cluster.apply("v3");
    cluster.onCall = () => {
      if (++waits === 100) cluster.apply("v1");
    };
  });
  const { ending, lines } = await goOn(cluster);
  assert.ok(lines.some((line) => line.includes("somebody gave it v3")));
  assert.equal(ending.result, "promoted", ending.reason);
});

test("another version, deployed during the rollout, is not overwritten at the promotion", async () => {
  const cluster = begin(4);
  once(cluster, "promoting", () => cluster.apply("v3"));
  const { ending } = await goOn(cluster);
  assert.equal(ending.result, "stuck");
  assert.equal(cluster.stableVersion, "v3");
  cluster.asked = { abort: "by the test" };
  assert.equal((await goOn(cluster)).ending.result, "superseded");
  assert.deepEqual(cluster.versions(), ["v3"]);
});

test("a stable plugin that is put back while pods return to it is no promotion", async () => {
  const cluster = begin(4);
  once(cluster, "returning", () => cluster.apply("v1"));
  const { ending } = await goOn(cluster);
  assert.equal(ending.result, "stuck");
  assert.match(ending.reason, /stable plugin has the new version \(somebody gave it v1\)/);
  cluster.asked = { abort: "by the test" };
  const { ending: aborted } = await goOn(cluster);
  assert.equal(aborted.result, "rolled-back");
  assert.deepEqual(cluster.versions(), ["v1"]);
});

test("a process that drives from an old state does not say that the old version runs again", async () => {
  const cluster = begin(4);
  let old: RolloutState | undefined;
  cluster.onCall = () => {
    const state = cluster.state();
    if (state?.phase === "watching") old = state;
    if (cluster.stableVersion === "v2") throw new Error("died");
  };
  await assert.rejects(goOn(cluster), /died/);
  cluster.onCall = undefined;
  cluster.asked = { abort: "by the test" };
  const { ending } = await goOn(cluster, old);
  assert.equal(ending.result, "superseded");
  assert.match(ending.reason, /the stable plugin: somebody gave it v2/);
});

test("a promotion without effect is tried for as long as pods are given, then it is stuck; it can be aborted", async () => {
  for (const version of ["v1", "v3"]) {
    const cluster = begin(4);
    cluster.promotedVersion = version;
    let promoting = 0;
    let promotions = 0;
    const promote = cluster.promote.bind(cluster);
    cluster.promote = () => {
      promotions += 1;
      promoting ||= cluster.now();
      return promote();
    };
    const { ending } = await goOn(cluster);
    assert.equal(ending.result, "stuck", version);
    assert.match(ending.reason, new RegExp(`the new version \\(somebody gave it ${version}\\)`));
    assert.ok(promotions >= 1 && promotions <= plan.timeoutMillis / 2000 + 1, `${promotions} promotions`);
    const millis = cluster.now() - promoting;
    assert.ok(millis > plan.timeoutMillis && millis < 2 * plan.timeoutMillis, `${millis} ms`);
    cluster.asked = { abort: "by the test" };
    const aborted = await goOn(cluster);
    assert.equal(aborted.ending.result, version === "v1" ? "rolled-back" : "superseded");
    assert.equal(cluster.count("canary"), 0);
  }
});

test("an abort that comes while the promotion is decided is obeyed; one that comes after it is told", async () => {
  const early = begin(4);
  once(early, "promoting", () => (early.asked = { abort: "second thoughts" }));
  const { ending } = await goOn(early);
  assert.equal(ending.result, "rolled-back");
  assert.equal(early.stableVersion, "v1");
  const late = begin(4);
  once(late, "returning", () => (late.asked = { abort: "second thoughts" }));
  const { ending: promoted } = await goOn(late);
  assert.equal(promoted.result, "promoted");
  assert.match(promoted.reason, /the abort came when it was promoted already: second thoughts/);
});

test("a pod that may not be moved does not keep the others from being rolled back", async () => {
  const cluster = begin(8);
  cluster.onCall = () => {
    if (cluster.count("canary") < 8) return;
    cluster.setBehaviour("v2", { errors: 0.5 });
    cluster.unmovable.set("pod-2", "a webhook says no");
  };
  const { ending } = await goOn(cluster);
  assert.equal(ending.result, "stuck");
  assert.match(
    ending.reason,
    /pods are labelled stable: pod-2 \(pod-2: a webhook says no\); it is rolled back/,
  );
  assert.equal(cluster.count("canary"), 1);
  cluster.unmovable.clear();
  const { ending: after } = await goOn(cluster);
  assert.equal(after.result, "rolled-back");
  assert.deepEqual(cluster.versions(), ["v1"]);
});

test("pods that may not be moved: others are, and without enough of them it goes back and says why", async () => {
  const cluster = begin(8);
  cluster.unmovable.set("pod-0", "a webhook says no");
  const { ending, lines } = await goOn(cluster);
  assert.equal(ending.result, "rolled-back");
  assert.equal(ending.state.step, 1, "the first step could do without it");
  assert.match(ending.reason, /1 more pods could be moved \(pod-0: a webhook says no\)/);
  assert.ok(lines.includes("pod pod-0 could not be moved: a webhook says no"));
});

test("a label that does not stay ends the rollout instead of being set for ever", async () => {
  const cluster = begin(4);
  let moves = 0;
  cluster.move = () => {
    moves += 1;
    return Promise.resolve(new Map());
  };
  const { ending } = await goOn(cluster);
  assert.equal(ending.result, "rolled-back");
  assert.match(ending.reason, /in vain it was waited until 1 more pods could be moved/);
  assert.ok(moves < plan.timeoutMillis / 1000, `${moves} moves`);
});

test("what the stable plugin has is told field by field", async () => {
  const old: WasmPluginSpec = { url: "oci://r.test/t:1", sha256: "0".repeat(64), failStrategy: "FAIL_CLOSE" };
  const target: WasmPluginSpec = { url: "oci://r.test/t:2", failStrategy: "FAIL_RELOAD" };
  const cases = [
    [old, "original", /old version/],
    [{ ...old, selector: { matchLabels: { "tickgate.dev/track": "stable" } } }, "original", /old version/],
    [target, "target", /gave it the new version/],
    // Its foreign digest was taken away, and then the process died.
    [{ url: old.url, failStrategy: "FAIL_CLOSE" }, "between", /changed spec\.sha256$/],
    [{ ...target, priority: 7 }, "other", /changed spec\.priority$/],
    [{ ...old, url: "oci://r.test/t:3" }, "other", /changed spec\.url$/],
  ] as const;
  for (const [spec, has, change] of cases) {
    const cluster = memoryCluster("trading");
    const versions = { original: fingerprintOf(old), target };
    assert.match((await readStable(cluster, "tickgate", versions)).change, /deleted/);
    await applyPlugin(cluster, pluginOf({ namespace: "trading", name: "tickgate" }, spec));
    const found = await readStable(cluster, "tickgate", versions);
    assert.equal(found.has, has);
    assert.match(found.change, change);
  }
});
