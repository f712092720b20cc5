import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { Cluster } from "../../deploy/tool/cluster/connect.ts";
import { ApiError } from "../../deploy/tool/cluster/failures.ts";
import { foreignFields } from "../../deploy/tool/cluster/foreign-fields.ts";
import { historyName, readHistory, recordRevision } from "../../deploy/tool/cluster/history.ts";
import {
  annotatePlugin,
  applyPlugin,
  deletePlugin,
  readPlugin,
  type WasmPlugin,
} from "../../deploy/tool/cluster/plugins.ts";
import { trackLabel } from "../../deploy/tool/cluster/pods.ts";
import { renderPlugin } from "../../deploy/tool/cluster/render.ts";
import { resources, type ApiCall } from "../../deploy/tool/cluster/resources.ts";
import { goBack, previousRevision } from "../../deploy/tool/delivery/back.ts";
import { deliver, DeliveryError, type Delivered } from "../../deploy/tool/delivery/deliver.ts";
import type { Session } from "../../deploy/tool/delivery/session.ts";
import { SupersededError } from "../../deploy/tool/delivery/superseded.ts";
import { CliError } from "../../scripts/lib/cli.ts";
import { waitFor } from "../../scripts/lib/process.ts";
import { memoryCluster } from "./memory-cluster.ts";

// Two people who deploy at the same time, and errors after something was applied; the cluster is in memory.

const namespace = "trading";
const name = "tickgate";

/** No pods, so that all of them run whatever is applied; `asleep` adds one that never answers. */
function scene(answer: Answer = (_call, send) => send()): Session {
  const memory = memoryCluster(namespace);
  const cluster: Cluster = { ...memory, request: (call) => answer(call, () => memory.request(call)) };
  const access = { get: () => Promise.reject(new CliError("pod engine-0 is asleep")) };
  return { cluster, access, timeoutMillis: 20_000, istiod: undefined };
}

type Answer = <T>(call: ApiCall, send: () => Promise<T>) => Promise<T>;

async function addPodAsleep({ cluster }: Session): Promise<void> {
  const body = {
    metadata: { name: "engine-0", namespace, labels: { [trackLabel]: "stable" } },
    spec: { containers: [{ name: "istio-proxy" }] },
    status: { phase: "Running", podIP: "127.0.0.1", conditions: [{ type: "Ready", status: "True" }] },
  };
  await cluster.request({ verb: "create", resource: resources.pods, namespace, body });
}

async function removePod({ cluster }: Session): Promise<void> {
  await cluster.request({ verb: "delete", resource: resources.pods, namespace, name: "engine-0" });
}

function version(text: string): WasmPlugin {
  const digest = createHash("sha256").update(text).digest("hex");
  return renderPlugin({ namespace, name }, undefined, {
    image: `oci://registry.test/${text}@sha256:${digest}`,
    config: {},
  });
}

function deploy(session: Session, text: string): Promise<Delivered> {
  return deliver(session, { plugin: version(text), force: false });
}

/** What another process does, without the wait. */
async function deployAs(by: string, { cluster }: Session, text: string): Promise<void> {
  const { spec } = await applyPlugin(cluster, version(text));
  await recordRevision(cluster, name, { spec, by, result: "applied" });
}

async function urlOf({ cluster }: Session): Promise<string | undefined> {
  return (await readPlugin(cluster, name))?.spec.url;
}

async function history({ cluster }: Session): Promise<[string, string][]> {
  const revisions = await readHistory(cluster, name);
  return revisions.map(({ image, result }) => [/test\/(\w+)@/.exec(image)?.[1] ?? image, result]);
}

/** What a deploy comes to that waits for a pod while something happens. */
async function deployDuring(
  session: Session,
  text: string,
  happens: () => Promise<unknown>,
): Promise<PromiseSettledResult<Delivered>> {
  await addPodAsleep(session);
  const deployed = Promise.allSettled([deploy(session, text)]);
  await waitFor(`${text} was applied and recorded`, async () =>
    (await history(session)).some(([known]) => known === text) ? true : undefined,
  );
  await happens();
  const [result] = await deployed;
  return result;
}

function errorOf(result: PromiseSettledResult<Delivered>): unknown {
  assert.equal(result.status, "rejected");
  return result.reason;
}

for (const [what, change, said, revisions] of [
  [
    "deployed",
    (session: Session) => deployAs("bob", session, "B"),
    /^revision 2 is superseded by revision 3 of bob$/,
    [
      ["X", "running"],
      ["A", "superseded"],
      ["B", "applied"],
    ],
  ],
  [
    "edited",
    ({ cluster }: Session) => applyPlugin(cluster, version("B")),
    /^revision 2 is superseded by a change of WasmPlugin trading\/tickgate past this tool, by somebody$/,
    [
      ["X", "running"],
      ["A", "superseded"],
    ],
  ],
  [
    "removed",
    ({ cluster }: Session) => deletePlugin(cluster, name),
    /^revision 2 is superseded by the removal of WasmPlugin trading\/tickgate$/,
    [
      ["X", "running"],
      ["A", "superseded"],
    ],
  ],
] as const) {
  test(`somebody else has ${what} it while a deploy waits: the deploy ends and leaves it so`, async () => {
    const session = scene();
    await deploy(session, "X");
    let left: WasmPlugin | undefined;
    const ended = await deployDuring(session, "A", async () => {
      await change(session);
      left = await readPlugin(session.cluster, name);
    });
    const error = errorOf(ended);
    assert.ok(error instanceof SupersededError, String(error));
    assert.match(error.message, said);
    assert.deepEqual(await history(session), revisions);
    assert.deepEqual(await readPlugin(session.cluster, name), left);
  });
}

/** A deploy that failed in time, as `--rollback-on-failure` sees it. */
async function failed(session: Session, text: string): Promise<DeliveryError> {
  await addPodAsleep(session);
  const [ended] = await Promise.allSettled([deploy({ ...session, timeoutMillis: 1 }, text)]);
  const error = errorOf(ended);
  assert.ok(error instanceof DeliveryError, String(error));
  assert.equal(error.outcome, "timeout");
  await removePod(session);
  return error;
}

test("a failed deploy is taken back, and not where somebody has deployed since", async () => {
  const session = scene();
  await deploy(session, "X");
  const first = await failed(session, "A");
  await goBack(session, name, { force: false, from: first.applied });
  assert.equal(await urlOf(session), version("X").spec.url);
  const second = await failed(session, "A");
  await deployAs("bob", session, "B");
  await assert.rejects(
    goBack(session, name, { force: false, from: second.applied }),
    /revision 4 is superseded by revision 5 of bob/,
  );
  assert.equal(await urlOf(session), version("B").spec.url);
});

for (const before of ["X", undefined]) {
  const does = before === undefined ? "removes the plugin" : "applies what ran before";
  test(`whoever deploys at the moment in which a failed deploy ${does} is not overwritten`, async () => {
    let interfere = false;
    const session = scene(async (call, send) => {
      const writes = call.verb === "delete" || (call.verb === "patch" && call.query?.["dryRun"] !== "All");
      if (interfere && writes && call.resource === resources.wasmPlugins) {
        interfere = false;
        await deployAs("bob", session, "B");
      }
      return send();
    });
    if (before !== undefined) await deploy(session, before);
    const error = await failed(session, "A");
    interfere = true;
    await assert.rejects(goBack(session, name, { force: false, from: error.applied }), SupersededError);
    assert.equal(interfere, false);
    assert.equal(await urlOf(session), version("B").spec.url);
  });
}

test("what others change until the moment of the apply stays: a kill switch is not turned back by a new image", async () => {
  let interfere = false;
  const session = scene(async (call, send) => {
    if (interfere && call.verb === "patch" && call.resource === resources.wasmPlugins) {
      interfere = false;
      const { spec } = version("X");
      const observe = { ...version("X"), spec: { ...spec, pluginConfig: { mode: "observe" } } };
      await applyPlugin(session.cluster, observe);
    }
    return send();
  });
  await deploy(session, "X");
  interfere = true;
  const { url: image } = version("A").spec;
  const at = { namespace, name };
  const basedOn = (now: WasmPlugin | undefined): WasmPlugin => renderPlugin(at, now?.spec, { image });
  await deliver(session, { plugin: version("A"), basedOn, force: false });
  assert.equal(interfere, false);
  const plugin = await readPlugin(session.cluster, name);
  assert.deepEqual([plugin?.spec.url, plugin?.spec.pluginConfig], [image, { mode: "observe" }]);
});

test("what nobody has changed is taken back though the object was touched", async () => {
  let touch = false;
  const session = scene(async (call, send) => {
    if (touch && call.verb === "patch" && call.resource === resources.wasmPlugins) {
      touch = false;
      await annotatePlugin(session.cluster, name, { "example.com/touched": "1" });
    }
    return send();
  });
  await deploy(session, "X");
  const error = await failed(session, "A");
  touch = true;
  await goBack(session, name, { force: false, from: error.applied });
  assert.equal(touch, false);
  assert.equal(await urlOf(session), version("X").spec.url);
});

test("an error while pods are read: the history says failed, and it can be taken back", async () => {
  let forbidden = false;
  const session = scene((call, send) => {
    if (!forbidden || call.resource !== resources.pods) return send();
    return Promise.reject(new ApiError(call, 403, { message: 'is forbidden: User "ci" cannot list' }));
  });
  await deploy(session, "X");
  forbidden = true;
  const [ended] = await Promise.allSettled([deploy(session, "A")]);
  forbidden = false;
  const error = errorOf(ended);
  assert.ok(error instanceof DeliveryError, String(error));
  assert.equal(error.outcome, "unknown");
  assert.match(error.message, /revision 2 .* is applied, .* not known .*: not allowed to list pods/);
  assert.deepEqual(await history(session), [
    ["X", "running"],
    ["A", "failed"],
  ]);
  await goBack(session, name, { force: false, from: error.applied });
  assert.equal(await urlOf(session), version("X").spec.url);
});

test("a history that can't be written any more: said after the apply, and what was applied can be taken back", async () => {
  let full = false;
  const session = scene((call, send) => {
    if (!full || call.verb === "get" || call.name !== historyName(name)) return send();
    return Promise.reject(new ApiError(call, 422, { message: "too long" }));
  });
  await deploy(session, "X");
  full = true;
  const [ended] = await Promise.allSettled([deploy(session, "A")]);
  full = false;
  const error = errorOf(ended);
  assert.ok(error instanceof DeliveryError, String(error));
  assert.match(error.message, /is applied, and its history could not be written: .*too long/);
  await goBack(session, name, { force: false, from: error.applied });
  assert.equal(await urlOf(session), version("X").spec.url);
});

test("back after a rollout that was rolled back: to what ran before the version that the cluster has", async () => {
  const session = scene();
  const { cluster } = session;
  await deploy(session, "X");
  await deploy(session, "Y");
  const { spec } = version("Z");
  await recordRevision(cluster, name, { spec, by: "ci", result: "rolled-back", note: "rollout 1: slow" });
  await goBack(session, name, { force: false });
  assert.equal(await urlOf(session), version("X").spec.url);
  assert.deepEqual(await history(session), [
    ["X", "running"],
    ["Y", "rolled-back"],
    ["Z", "rolled-back"],
    ["X", "running"],
  ]);
  // Neither of the two that were taken back.
  assert.equal(previousRevision(await readHistory(cluster, name), version("X").spec), undefined);
});

test("what an apply would leave as others have made it, whose it is, and what it is", () => {
  const applied = version("X");
  const { spec } = applied;
  const env = [{ name: "TICKGATE_COLD_START", value: "pass" }];
  const wanted = { ...spec, pluginConfig: { quotas: [{ name: "orders" }] }, vmConfig: { env } };
  const managedFields = [
    { manager: "tickgate", operation: "Apply", fieldsV1: { "f:spec": { "f:vmConfig": { "f:env": {} } } } },
    { manager: "kubectl-patch", operation: "Update", fieldsV1: { "f:spec": { "f:sha256": {} } } },
    {
      manager: "team",
      operation: "Apply",
      fieldsV1: { "f:spec": { "f:pluginConfig": { "f:mode": {} }, "f:vmConfig": { "f:env": {} } } },
    },
  ];
  const theirs = { name: "OTHER", value: "1" };
  const merged = {
    ...applied,
    metadata: { ...applied.metadata, managedFields },
    spec: {
      ...wanted,
      sha256: "a".repeat(64),
      pluginConfig: { ...wanted.pluginConfig, mode: "observe" },
      vmConfig: { env: [...env, theirs] },
    },
  };
  const found = foreignFields(merged, { ...applied, spec: wanted });
  assert.deepEqual(
    new Map(found.map(({ path, owners }) => [path.join("."), owners])),
    new Map([
      ["pluginConfig.mode", ["team"]],
      ["sha256", ["kubectl-patch"]],
      ["vmConfig.env", ["team"]],
    ]),
  );
  assert.deepEqual(foreignFields(applied, applied), []);
});
