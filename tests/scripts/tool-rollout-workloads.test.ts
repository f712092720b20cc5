import assert from "node:assert/strict";
import { test } from "node:test";
import { asPod, type Pod, type PodObject } from "../../deploy/tool/cluster/pods.ts";
import { noCounts } from "../../deploy/tool/metrics/counts.ts";
import { judgeWorkloads, type Arms } from "../../deploy/tool/rollout/compare.ts";
import { drive, type Ending } from "../../deploy/tool/rollout/driver.ts";
import type { Group } from "../../deploy/tool/rollout/judge.ts";
import { strategySteps, type Plan } from "../../deploy/tool/rollout/plan.ts";
import { encodeState, type Phase } from "../../deploy/tool/rollout/state.ts";
import { defaultThresholds } from "../../deploy/tool/rollout/verdict.ts";
import { draw, firstStepTakesAll, type Member } from "../../deploy/tool/rollout/workloads.ts";
import { SimulatedCluster, simulatedPlan, type Behaviour } from "./simulated-cluster.ts";

// One plugin, several applications: each gives its part of every step and is compared with itself.

const plan: Plan = { ...simulatedPlan, steps: strategySteps.canary };

function podObject(name: string, metadata: Partial<PodObject["metadata"]>): PodObject {
  return { metadata: { name, namespace: "trading", ...metadata } };
}

function workloadOf(metadata: Partial<PodObject["metadata"]>): string | undefined {
  return asPod(podObject("p", metadata)).workload;
}

function by(kind: string, name: string): Partial<PodObject["metadata"]> {
  const owners = [
    { kind: "Node", name: "n" },
    { kind, name, controller: true },
  ];
  return { ownerReferences: owners };
}

test("the application of a pod is what made it, else what its labels say", () => {
  const hashed = { ...by("ReplicaSet", "engine-7d9c5"), labels: { "pod-template-hash": "7d9c5", app: "x" } };
  assert.equal(workloadOf(hashed), "engine");
  assert.equal(workloadOf(by("ReplicaSet", "engine-7d9c5")), "engine-7d9c5", "a ReplicaSet by itself");
  assert.equal(workloadOf(by("StatefulSet", "book")), "book");
  assert.equal(workloadOf({ labels: { "app.kubernetes.io/name": "quotes", app: "q" } }), "quotes");
  assert.equal(workloadOf({ labels: { app: "q" } }), "q");
  assert.equal(workloadOf({}), undefined);
});

function members(counts: Readonly<Record<string, number>>, moved: readonly string[] = []): Member[] {
  return Object.entries(counts).flatMap(([workload, count]) =>
    Array.from({ length: count }, (_, index) => {
      const name = `${workload}-${index}`;
      return { name, workload, track: moved.includes(name) ? "canary" : "stable" } as const;
    }),
  );
}

function drawn(all: readonly Member[], wanted: number): string[] {
  const free = all.filter(({ track }) => track === "stable");
  const missing = wanted - (all.length - free.length);
  return draw(free, missing, { all, wanted }).map(({ name }) => name);
}

test("every step has of every application its part of all pods", () => {
  assert.deepEqual(drawn(members({ a: 20 }), 3), ["a-0", "a-1", "a-2"], "one application: as they come");
  assert.equal(
    drawn(members({ a: 2, b: 12, c: 6 }), 10)
      .toSorted()
      .join(" "),
    "a-0 b-0 b-1 b-2 b-3 b-4 b-5 c-0 c-1 c-2",
  );
  assert.deepEqual(drawn(members({ a: 10, b: 10 }), 1), ["a-0"], "a tie: by name");
  assert.deepEqual(drawn(members({ a: 3, b: 17 }), 1), ["b-0"], "the largest remainder");
  assert.deepEqual(drawn(members({ a: 10, b: 10 }, ["a-0"]), 2), ["b-0"], "moved pods stay and count");
  assert.deepEqual(drawn(members({ a: 2, b: 2 }, ["a-0", "a-1"]), 3), ["b-0"]);
  assert.equal(drawn(members({ a: 2, b: 2 }), 9).length, 4);
});

function podsOf(counts: Readonly<Record<string, number>>): Pod[] {
  const rest = { namespace: "trading", address: "127.0.0.1", labels: {}, ready: true };
  return members(counts).map(({ name, workload }) => Object.assign({ name, workload }, rest));
}

test("the old version is watched first where the first step leaves an application none of it", () => {
  assert.equal(firstStepTakesAll(podsOf({ a: 1 }), plan), true);
  assert.equal(firstStepTakesAll(podsOf({ a: 20 }), plan), false);
  assert.equal(firstStepTakesAll(podsOf({ a: 1, b: 1, c: 1 }), plan), true);
  assert.equal(firstStepTakesAll(podsOf({ a: 1, b: 19 }), plan), false);
});

function begin(
  pods: Readonly<Record<string, number>>,
  behaviours: Readonly<Record<string, Behaviour>>,
  phase: Phase = "moving",
): SimulatedCluster {
  const cluster = new SimulatedCluster(pods, behaviours);
  cluster.stored = encodeState({ id: "r1", plan, original: {}, phase, step: 0 });
  return cluster;
}

async function goOn(cluster: SimulatedCluster): Promise<Ending> {
  const state = cluster.state();
  assert.ok(state !== undefined);
  return drive(cluster, state, { approvalMillis: 1000, report: () => undefined });
}

test("a slow application is not taken for a slow version", async () => {
  const cluster = begin(
    { engine: 5, quotes: 15 },
    { "engine v1": { micros: 5000 }, "engine v2": { micros: 5000 } },
  );
  const shares = new Set<string>();
  cluster.onCall = () => {
    const { phase, step } = cluster.state() ?? {};
    const of = (app: string): number => cluster.on("canary").filter((name) => name.startsWith(app)).length;
    if (phase === "watching") shares.add(`${step}: ${of("engine")} + ${of("quotes")}`);
  };
  const ending = await goOn(cluster);
  assert.equal(ending.result, "promoted", ending.reason);
  assert.deepEqual([...shares], ["0: 0 + 1", "1: 1 + 4", "2: 3 + 7", "3: 5 + 15"]);
});

test("a version that makes one application slow is found among slow ones, also at the last step", async () => {
  for (const from of [0, 20]) {
    const cluster = begin(
      { engine: 15, quotes: 5 },
      { "engine v1": { micros: 5000 }, "engine v2": { micros: 5000 } },
    );
    cluster.onCall = () => {
      if (cluster.count("canary") >= from) cluster.setBehaviour("quotes v2", { micros: 5000 });
    };
    const ending = await goOn(cluster);
    assert.equal(ending.result, "rolled-back", ending.reason);
    assert.match(ending.reason, /quotes: time in the filter, p50: \d+ us, old version 300 us/);
    assert.doesNotMatch(ending.reason, /engine: time/);
    assert.equal(ending.state.step, from === 0 ? 1 : 3);
  }
});

test("applications of a single pod are compared with what they did before", async () => {
  const bad = begin({ a: 1, b: 1, c: 1 }, { v1: {}, v2: {}, "c v2": { errors: 0.3 } }, "baseline");
  const ending = await goOn(bad);
  assert.equal(ending.result, "rolled-back");
  assert.match(ending.reason, /^c: errors: /);
  const good = begin({ a: 1, b: 1, c: 1 }, { v1: {}, v2: {} }, "baseline");
  assert.equal((await goOn(good)).result, "promoted");
});

function group(pods: number, requests: number, vmReloads = 0): Group {
  return { pods, counts: { ...noCounts, requests, vmReloads } };
}

/** The verdict, and what was unknown or worse. */
function texts(workloads: Readonly<Record<string, Arms>>): [string, string] {
  const judgement = judgeWorkloads(new Map(Object.entries(workloads)), {}, defaultThresholds);
  const told = judgement.findings.filter(({ verdict }) => verdict === "unknown" || verdict === "worse");
  return [judgement.verdict, told.map(({ text }) => text).join("; ")];
}

test("what has no counterpart is said and not compared; a trap counts all the same", () => {
  const fine = { canary: group(1, 500), stable: group(3, 1500) };
  const [ok, told] = texts({
    engine: fine,
    quotes: { canary: group(0, 0), stable: group(3, 50) },
    book: { canary: group(1, 10), stable: group(0, 0) },
    idle: { canary: group(1, 3), stable: group(1, 0) },
  });
  assert.equal(ok, "ok");
  assert.match(told, /book: no pod of the old version to compare with/);
  assert.match(told, /no pod of the new version with figures yet: quotes/);
  assert.match(told, /idle: 3 requests, old version 0: too few to tell by itself/);
  assert.equal(texts({ engine: fine, book: { canary: group(1, 0, 1), stable: group(0, 0) } })[0], "worse");
  const apart = {
    a: { canary: group(1, 900), stable: group(0, 0) },
    b: { canary: group(0, 0), stable: group(1, 900) },
  };
  assert.equal(texts(apart)[0], "unclear");
  const quiet = { a: { canary: group(1, 900), stable: group(1, 50) }, b: apart.b };
  assert.equal(texts(quiet)[0], "unclear", "the busy one is not what it is compared with");
});
