import assert from "node:assert/strict";
import { test } from "node:test";
import { drive, type Ending } from "../../deploy/tool/rollout/driver.ts";
import type { Plan } from "../../deploy/tool/rollout/plan.ts";
import { approvalOf, encodeState } from "../../deploy/tool/rollout/state.ts";
import { SimulatedCluster, simulatedPlan } from "./simulated-cluster.ts";

// Pods that are not ready, and what happens to pods while a rollout pauses.

const plan: Plan = { ...simulatedPlan, windowMillis: 20_000 };

function begin(pods: number, more: Partial<Plan> = {}): SimulatedCluster {
  const cluster = new SimulatedCluster(pods, { v1: {}, v2: {} });
  const state = { id: "r1", plan: { ...plan, ...more }, original: {}, phase: "moving", step: 0 } as const;
  cluster.stored = encodeState(state);
  return cluster;
}

async function goOn(cluster: SimulatedCluster, approvalMillis = 1000, lines: string[] = []): Promise<Ending> {
  const state = cluster.state();
  assert.ok(state !== undefined);
  return drive(cluster, state, { approvalMillis, report: (line) => lines.push(line) });
}

test("a pod that is never ready keeps no good version from the others, and is moved last", async () => {
  const cluster = begin(8);
  cluster.unready.add("pod-0");
  let first: readonly string[] = [];
  cluster.onCall = () => {
    const { phase, step } = cluster.state() ?? {};
    if (phase === "watching" && step === 0) first = cluster.on("canary");
  };
  const lines: string[] = [];
  const ending = await goOn(cluster, 1000, lines);
  assert.ok(lines.includes("watching step 2 of 2 (100 %); not ready before either: pod-0"));
  assert.equal(ending.result, "promoted", ending.reason);
  assert.deepEqual(first, ["pod-1", "pod-2"]);
  assert.deepEqual(cluster.versions(), ["v2"]);
});

test("pods that lose their readiness with the new version take it back", async () => {
  for (const resumed of [false, true]) {
    const cluster = begin(8);
    const interruption = new AbortController();
    cluster.onCall = () => {
      if (cluster.count("canary") < 8) return;
      cluster.setBehaviour("v2", { unready: true });
      if (cluster.state()?.phase === "watching" && resumed) interruption.abort();
    };
    const state = cluster.state();
    assert.ok(state !== undefined);
    const { signal } = interruption;
    const stopped = await drive(cluster, state, { approvalMillis: 1000, report: () => undefined, signal });
    assert.equal(stopped.result, resumed ? "stopped" : "rolled-back", stopped.reason);
    cluster.onCall = undefined;
    const ending = resumed ? await goOn(cluster) : stopped;
    assert.equal(ending.result, "rolled-back");
    assert.match(ending.reason, /^not ready any more since they were given the new version: pod-0, pod-1, /);
    assert.deepEqual(cluster.versions(), ["v1"]);
  }
});

test("one of many that loses its readiness is a doubt: it pauses, or goes back where that is wanted", async () => {
  for (const onDoubt of ["pause", "rollback"] as const) {
    const cluster = begin(12, { onDoubt });
    cluster.onCall = () => {
      if (cluster.state()?.phase === "watching") cluster.unready.add("pod-1");
    };
    const ending = await goOn(cluster);
    assert.equal(ending.result, onDoubt === "pause" ? "undecided" : "rolled-back");
    assert.equal(ending.state.step, 0);
    assert.match(ending.reason, /not ready any more since they were given the new version: pod-1$/);
  }
});

test("an outage of everything is not held against the new version", async () => {
  const cluster = begin(8);
  cluster.onCall = () => {
    if (cluster.state()?.phase !== "watching") return;
    for (let pod = 0; pod < 8; pod++) cluster.unready.add(`pod-${pod}`);
  };
  const ending = await goOn(cluster);
  assert.equal(ending.result, "undecided", ending.reason);
});

test("a pod that is busy for a moment and ready again does not matter", async () => {
  const cluster = begin(8);
  let since = 0;
  cluster.onCall = () => {
    if (cluster.state()?.phase === "watching") since ||= cluster.now();
    const isBusy = since > 0 && cluster.now() > since + 5000 && cluster.now() < since + 15_000;
    if (isBusy) cluster.unready.add("pod-0");
    else cluster.unready.delete("pod-0");
  };
  const ending = await goOn(cluster);
  assert.equal(ending.result, "promoted", ending.reason);
});

test("what goes wrong during a pause is rolled back without a word of anybody", async () => {
  for (const behaviour of [{ errors: 1 }, { traps: true }, { unready: true }]) {
    const cluster = begin(8, { approval: "manual" });
    let pausedAt = 0;
    cluster.onCall = () => {
      if (cluster.state()?.phase !== "paused") return;
      pausedAt ||= cluster.now();
      if (cluster.now() > pausedAt + 300_000) cluster.setBehaviour("v2", behaviour);
    };
    const ending = await goOn(cluster, 3_600_000);
    assert.equal(ending.result, "rolled-back", ending.reason);
    const millis = cluster.now() - pausedAt;
    assert.ok(millis > 300_000 && millis < 400_000, `${millis} ms`);
    assert.deepEqual(cluster.versions(), ["v1"]);
  }
});

test("after an approval the pods are looked at once more, also by a process that was not there before", async () => {
  const cluster = begin(8, { approval: "manual" });
  const first = await goOn(cluster);
  assert.equal(first.result, "undecided");
  cluster.setBehaviour("v2", { errors: 1 });
  cluster.asked = { approved: approvalOf(first.state) };
  let most = 0;
  cluster.onCall = () => (most = Math.max(most, cluster.count("canary")));
  const ending = await goOn(cluster);
  assert.equal(ending.result, "rolled-back", ending.reason);
  assert.equal(most, 2);
});
