import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { Cluster } from "../../deploy/tool/cluster/connect.ts";
import { renderPlugin } from "../../deploy/tool/cluster/render.ts";
import { trackLabel } from "../../deploy/tool/cluster/pods.ts";
import { resources } from "../../deploy/tool/cluster/resources.ts";
import type { PodAccess } from "../../deploy/tool/dataplane/access.ts";
import { mapLimited, survey } from "../../deploy/tool/dataplane/survey.ts";
import { deliver } from "../../deploy/tool/delivery/deliver.ts";
import { CliError } from "../../scripts/lib/cli.ts";
import { freePort } from "../../scripts/lib/ports.ts";
import { memoryCluster } from "./memory-cluster.ts";

const namespace = "trading";
const expected = {
  namespace,
  name: "tickgate",
  spec: { url: "oci://registry.test/tickgate", selector: { matchLabels: { [trackLabel]: "stable" } } },
};
const silentPods: PodAccess = { get: () => Promise.reject(new CliError("no answer")) };

async function createPod(cluster: Cluster, name: string): Promise<void> {
  const body = {
    metadata: { name, namespace, labels: { [trackLabel]: "stable" } },
    spec: { containers: [{ name: "istio-proxy" }] },
    status: { phase: "Running", podIP: "127.0.0.1" },
  };
  await cluster.request({ verb: "create", resource: resources.pods, namespace, body });
}

/** Everything that is written to stderr from now on. */
function listenToStderr(t: TestContext): () => string {
  const { mock } = t.mock.method(process.stderr, "write", () => true);
  return () => mock.calls.map((call) => String(call.arguments[0])).join("");
}

test("an istiod that does not answer takes nothing from a survey but its words, and is mentioned once", async (t) => {
  const cluster = memoryCluster(namespace);
  await createPod(cluster, "engine-0");
  const istiod = `http://127.0.0.1:${await freePort()}`;
  const stderr = listenToStderr(t);
  const scope = { cluster, access: silentPods, expected, istiod };
  for (const pods of [await survey(scope), await survey(scope)]) {
    assert.deepEqual(
      pods.map(({ pod, standing }) => [pod.name, standing.kind]),
      [["engine-0", "unreachable"]],
    );
  }
  assert.match(
    stderr(),
    /^istiod at http:\/\/127\.0\.0\.1:\d+\/debug\/syncz does not answer: .*; going on without .*\n$/,
  );
});

test("a delivery that comes to no end: how long it was waited for, for which pods, and what to do", async (t) => {
  const cluster = memoryCluster(namespace);
  await createPod(cluster, "engine-0");
  listenToStderr(t);
  const session = { cluster, access: silentPods, timeoutMillis: 300, istiod: undefined };
  const image = `oci://registry.test/tickgate@sha256:${"1".repeat(64)}`;
  const plugin = renderPlugin({ namespace, name: "tickgate" }, undefined, { image, config: {} });
  await assert.rejects(deliver(session, { plugin, force: false }), (error: unknown) => {
    assert.ok(error instanceof CliError);
    assert.match(
      error.message,
      /^revision 1 of trading\/tickgate does not run on 1 of 1 pods after 0\.3 s \(--timeout\):\n {2}trading\/engine-0 no answer$/,
    );
    assert.match(error.hint ?? "", /tickgate rollback/);
    return true;
  });
});

test("limited work: results in order, never more at once than allowed", async () => {
  let now = 0;
  let most = 0;
  const doubled = await mapLimited([3, 1, 2, 0, 5], 2, async (millis) => {
    now += 1;
    most = Math.max(most, now);
    await new Promise((resolve) => setTimeout(resolve, millis));
    now -= 1;
    return 2 * millis;
  });
  assert.deepEqual(doubled, [6, 2, 4, 0, 10]);
  assert.equal(most, 2);
});

test("limited work that fails: nothing more is begun, what is under way ends first, the first error is thrown", async () => {
  const begun: number[] = [];
  const ended: number[] = [];
  const work = mapLimited(
    Array.from({ length: 40 }, (_, index) => index),
    4,
    async (item) => {
      begun.push(item);
      await new Promise((resolve) => setTimeout(resolve, 10 * (item + 1)));
      if (item < 2) throw new Error(`item ${item}`);
      ended.push(item);
    },
  );
  await assert.rejects(work, /^Error: item 0$/);
  assert.deepEqual(begun, [0, 1, 2, 3]);
  assert.deepEqual(ended, [2, 3]);
});
