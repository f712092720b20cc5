import assert from "node:assert/strict";
import { test } from "node:test";
import { readConfigMap, writeConfigMap } from "../../deploy/tool/cluster/config-maps.ts";
import type { Cluster } from "../../deploy/tool/cluster/connect.ts";
import { readHistory, recordRevision } from "../../deploy/tool/cluster/history.ts";
import type { ApiCall } from "../../deploy/tool/cluster/resources.ts";
import type { Session } from "../../deploy/tool/delivery/session.ts";
import { claimName, DrivenElsewhere, takeClaim, type Claim } from "../../deploy/tool/rollout/claim.ts";
import { clusterPort } from "../../deploy/tool/rollout/cluster-port.ts";
import type { RolloutState } from "../../deploy/tool/rollout/state.ts";
import { defaultThresholds } from "../../deploy/tool/rollout/verdict.ts";
import { CliError } from "../../scripts/lib/cli.ts";
import { sleep, waitFor } from "../../scripts/lib/process.ts";
import { memoryCluster } from "./memory-cluster.ts";

// A second stands for the fifteen of the real timing.
const timing = { deadMillis: 1000, renewMillis: 200, pollMillis: 20 };
const plugin = "tickgate";
const name = claimName(plugin);

async function taken(cluster: Cluster): Promise<Claim> {
  const claim = await takeClaim(cluster, plugin, { timing });
  assert.ok(claim !== undefined);
  return claim;
}

/** Makes somebody else the holder, whatever was there. */
async function give(cluster: Cluster, data: Readonly<Record<string, string>>): Promise<void> {
  const { resourceVersion } = await readConfigMap(cluster, name);
  await writeConfigMap(cluster, name, { data, resourceVersion });
}

test("the first rollout ever: of two processes that begin at once, one gets the claim", async () => {
  const cluster = memoryCluster("trading");
  const ends = await Promise.allSettled([taken(cluster), taken(cluster)]);
  const [held, ...more] = ends.filter((end) => end.status === "fulfilled");
  assert.ok(held !== undefined && more.length === 0);
  const refused = ends.find((end) => end.status === "rejected");
  assert.ok(refused?.reason instanceof DrivenElsewhere, String(refused?.reason));
  await held.value.held();
  await held.value.release();
});

test("the first deploys ever: of two that write the history at once, both are in it", async () => {
  const cluster = memoryCluster("trading");
  const record = (by: string): Promise<unknown> =>
    recordRevision(cluster, plugin, { spec: { url: by }, by, result: "applied" });
  await Promise.all(["a", "b"].map(record));
  const revisions = await readHistory(cluster, plugin);
  assert.deepEqual(
    revisions.map(({ revision }) => revision),
    [1, 2],
  );
  assert.deepEqual(new Set(revisions.map(({ by }) => by)), new Set(["a", "b"]));
});

test("an entry whose answer is lost on the way is written once", async () => {
  const cluster = memoryCluster("trading");
  await recordRevision(cluster, plugin, { spec: { url: "a" }, by: "x", result: "applied" });
  // As `connect` does when no answer came: the same once more.
  let lost = 0;
  const repeating = answeredBy(cluster, async (call, send) => {
    const answer = await send();
    return call.verb === "patch" && lost++ === 0 ? send() : answer;
  });
  const added = await recordRevision(repeating, plugin, { spec: { url: "b" }, by: "x", result: "applied" });
  assert.equal(added.revision, 2);
  assert.equal((await readHistory(cluster, plugin)).length, 2);
});

/** A cluster whose every request goes through this first; it may call the original, or throw. */
function answeredBy(
  cluster: Cluster,
  request: <T>(call: ApiCall, send: () => Promise<T>) => Promise<T>,
): Cluster {
  return { ...cluster, request: (call) => request(call, () => cluster.request(call)) };
}

test("the claim is renewed while nobody asks for it; another process is refused, from the same machine too", async () => {
  const cluster = memoryCluster("trading");
  const claim = await taken(cluster);
  await sleep(2 * timing.deadMillis);
  await assert.rejects(taken(cluster), /another process drives this rollout: .*, process \d+/);
  await claim.held();
  await claim.release();
  const started = performance.now();
  await (await taken(cluster)).release();
  assert.ok(performance.now() - started < timing.deadMillis / 2, "released, it is free at once");
});

for (const [clock, renewedAt] of [
  ["ahead", "2999-01-01T00:00:00.000Z"],
  ["behind", "2001-01-01T00:00:00.000Z"],
] as const) {
  test(`a dead process whose clock was ${clock}: taken over as soon as it was watched for long enough`, async () => {
    const cluster = memoryCluster("trading");
    await give(cluster, { holder: "h", who: "far-away, process 7", renewedAt });
    const started = performance.now();
    const claim = await taken(cluster);
    const millis = performance.now() - started;
    assert.ok(millis >= timing.deadMillis && millis < 5 * timing.deadMillis, `${millis} ms`);
    await claim.release();
  });
}

test("Ctrl-C while a claim is watched ends it at once and leaves the claim alone", async () => {
  const cluster = memoryCluster("trading");
  const data = { holder: "h", who: "far-away, process 7", renewedAt: "2999-01-01T00:00:00.000Z" };
  await give(cluster, data);
  const ctrlC = new AbortController();
  const waiting = takeClaim(cluster, plugin, { signal: ctrlC.signal });
  const started = performance.now();
  ctrlC.abort();
  assert.equal(await waiting, undefined);
  assert.ok(performance.now() - started < 5000);
  assert.deepEqual((await readConfigMap(cluster, name)).data, data);
});

test("Ctrl-C at the moment it is taken: it is given back", async () => {
  const cluster = memoryCluster("trading");
  assert.equal(await takeClaim(cluster, plugin, { signal: AbortSignal.abort(), timing }), undefined);
  assert.equal((await readConfigMap(cluster, name)).data["holder"], "");
});

test("a renewal whose answer is lost on the way is one", async () => {
  const cluster = memoryCluster("trading");
  const claim = await taken(cluster);
  // Somebody else has touched the object, and not who holds it.
  await give(cluster, { ...(await readConfigMap(cluster, name)).data });
  await sleep(2 * timing.deadMillis);
  await claim.held();
  await claim.release();
  assert.equal((await readConfigMap(cluster, name)).data["holder"], "");
});

test("an API server that does not answer: nothing is changed once others may have taken over", async () => {
  const cluster = memoryCluster("trading");
  let away = false;
  const flaky = answeredBy(cluster, (_call, send) =>
    away ? Promise.reject(new CliError("the API server did not answer")) : send(),
  );
  const claim = await taken(flaky);
  away = true;
  await claim.held();
  await sleep(timing.deadMillis);
  await assert.rejects(claim.held(), /the API server did not answer/);
  away = false;
  await claim.held();
  await claim.release();
});

const state: RolloutState = {
  id: "2026-01-01T00:00:00.000Z",
  original: {},
  phase: "moving",
  step: 0,
  plan: {
    strategy: "canary",
    steps: [100],
    windowMillis: 1000,
    maxWindowMillis: 1000,
    settleMillis: 100,
    timeoutMillis: 1000,
    approval: "auto",
    onDoubt: "pause",
    thresholds: defaultThresholds,
  },
};

test("taken over by another process, a driver changes nothing any more", async () => {
  const cluster = memoryCluster("trading");
  const changes: string[] = [];
  const watched = answeredBy(cluster, (call, send) => {
    if (call.verb !== "get" && call.verb !== "list" && call.name !== name)
      changes.push(`${call.verb} ${call.resource.plural}`);
    return send();
  });
  const claim = await taken(cluster);
  const session: Session = {
    cluster: watched,
    access: { get: () => Promise.reject(new CliError("not read here")) },
    timeoutMillis: 1000,
    istiod: undefined,
  };
  const port = clusterPort({
    session,
    plugin,
    canary: "tickgate-canary-00000000",
    target: { url: "x" },
    original: {},
    metrics: { description: "none", read: () => Promise.reject(new CliError("not read here")) },
    claim,
    by: "test",
    force: false,
    signal: new AbortController().signal,
  });
  await give(cluster, { holder: "another", who: "far-away, process 7", renewedAt: "now" });
  const pod = { namespace: "trading", name: "engine-0", address: "127.0.0.1", labels: {}, ready: true };
  const lost = /far-away, process 7 has taken this rollout over/;
  await waitFor("the driver learnt of it", async () =>
    claim.held().then(
      () => undefined,
      () => true,
    ),
  );
  await assert.rejects(port.requests(), lost);
  await assert.rejects(port.save(state), lost);
  await assert.rejects(port.move([pod], "canary"), lost);
  await assert.rejects(port.promote(state), lost);
  await assert.rejects(port.finish(state, "promoted", ""), lost);
  assert.deepEqual(changes, []);
  await claim.release();
  assert.equal((await readConfigMap(cluster, name)).data["holder"], "another");
});
