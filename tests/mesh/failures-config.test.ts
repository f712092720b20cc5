import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { deletePlugin, type FailStrategy } from "../../deploy/tool/cluster/plugins.ts";
import { parseJson } from "../../deploy/tool/json.ts";
import { root } from "../../scripts/lib/paths.ts";
import { waitFor, type Finished } from "../../scripts/lib/process.ts";
import { Mesh, type MeshPod } from "./lib/mesh.ts";

// A configuration that the filter refuses, put in past the tool: what happens to traffic, and who says so
// (deploy/failures.md has the table). The tests run one after the other.
let mesh: Mesh;
let stop: (() => Promise<void>) | undefined;
let pod: MeshPod;
let image: string;

const good = { quotas: [{ name: "hourly", limit: 1, window: "1h" }] };
const bad = { quotas: [{ name: "hourly", limit: -1, window: "1h" }] };

before(async () => {
  mesh = await Mesh.start();
  stop = () => mesh.stop();
  pod = await mesh.startPod({ name: "engine-0", address: "127.0.0.24" });
  image = await mesh.registry.push(await readFile(join(root, "build/tickgate.wasm")), "0.1.0");
});

after(() => stop?.());

/** Deploys the good configuration, whatever is in the cluster. */
async function deployGood(...args: readonly string[]): Promise<string> {
  const config = await mesh.configFile(good);
  const what = ["--image", image, "--config", config, "--selector", "app=trading-engine"];
  const done = await mesh.tickgate("deploy", ...what, "--insecure", "--force-conflicts", ...args);
  assert.equal(done.code, 0, done.stderr);
  return done.stderr;
}

async function standingOf(name: string): Promise<{ standing: string; reason: string }> {
  const { stdout, stderr } = await mesh.tickgate("status", "--output", "json");
  assert.notEqual(stdout, "", stderr);
  const { pods } = parseJson<{ pods: { pod: string; standing: string; reason: string }[] }>(stdout);
  const found = pods.find((one) => one.pod === name);
  assert.ok(found, stdout);
  return found;
}

async function problems(): Promise<string> {
  const { code, stdout } = await mesh.tickgate("doctor", "--insecure");
  assert.equal(code, 1, stdout);
  return stdout;
}

/** A deploy of what is in the cluster must not say that all is well. */
async function refusedDeploy(): Promise<Finished> {
  const { code, ...rest } = await mesh.tickgate("deploy", "--insecure", "--force-conflicts");
  assert.equal(code, 1, rest.stderr);
  return { code, ...rest };
}

const strategies: readonly FailStrategy[] = ["FAIL_CLOSE", "FAIL_OPEN", "FAIL_RELOAD"];

for (const strategy of strategies) {
  test(`${strategy}: a running pod keeps its configuration, a fresh one answers 500 to all, until a good one comes`, async () => {
    await deployGood("--fail-strategy", strategy, "--env", "TICKGATE_COLD_START=refuse");
    await mesh.edit({ pluginConfig: bad });
    const words = await waitFor("the proxy refused it", () => mesh.istiod.refusalOf("engine-0"));
    assert.match(words, /Unable to create Wasm plugin/);
    await pod.send();
    assert.equal(await pod.send(), 429, "the quota of the last good configuration");

    const fresh = await mesh.startPod({ name: "engine-1", address: "127.0.0.25" });
    assert.deepEqual([await fresh.send(), await fresh.send()], [500, 500]);
    const { standing, reason } = await standingOf("engine-1");
    assert.equal(standing, "refused");
    assert.match(reason, /the filter does not run: all requests get 500/);
    assert.equal((await standingOf("engine-0")).standing, "refused");
    const told = await problems();
    assert.match(told, /PROBLEM +configuration .*: the filter refuses it: quotas\[0\]\.limit: -1 is not in/);
    assert.match(told, /pods that start answer 500 to all requests/);
    assert.match(told, /PROBLEM +pod trading\/engine-1: .*all requests get 500/);
    assert.match((await refusedDeploy()).stderr, /quotas\[0\]\.limit: -1 is not in/);

    await deployGood();
    assert.deepEqual([await fresh.send(), await fresh.send()], [200, 429]);
    await fresh.remove();
  });

  test(`${strategy}, TICKGATE_COLD_START=pass: a fresh pod lets all pass unfiltered, and istiod has an ACK`, async () => {
    await deployGood("--fail-strategy", strategy, "--env", "TICKGATE_COLD_START=pass");
    await mesh.edit({ pluginConfig: bad });
    await waitFor("the running proxy refused it", () => mesh.istiod.refusalOf("engine-0"));

    const fresh = await mesh.startPod({ name: "engine-1", address: "127.0.0.25" });
    assert.deepEqual([await fresh.send(), await fresh.send()], [200, 200]);
    assert.equal(await mesh.istiod.refusalOf("engine-1"), undefined);
    await waitFor("the failure was counted", async () => {
      const metrics = await fresh.scrape();
      return metrics.sum("tickgate_failures_total", { reason: "config" }) > 0 ? true : undefined;
    });
    assert.equal((await fresh.scrape()).value("tickgate_config_ok"), 0);
    const { standing, reason } = await standingOf("engine-1");
    assert.equal(standing, "cold");
    assert.match(reason, /its first configuration was refused; traffic passes unfiltered/);
    const told = await problems();
    assert.match(told, /pods that start let all requests pass unfiltered/);
    assert.match(told, /PROBLEM +pod trading\/engine-1: its first configuration was refused/);

    await deployGood();
    assert.deepEqual([await fresh.send(), await fresh.send()], [200, 429]);
    await fresh.remove();
  });

  test(`${strategy}: after a refusal, deleted and created again: silently absent, which status, doctor and deploy notice`, async () => {
    await deployGood("--fail-strategy", strategy);
    await mesh.edit({ pluginConfig: bad });
    await waitFor("the proxy refused it", () => mesh.istiod.refusalOf("engine-0"));
    await deletePlugin(mesh.api.admin, "tickgate");
    await waitFor("the filter was gone", async () =>
      [await pod.send(), await pod.send()].every((status) => status === 200) ? true : undefined,
    );
    // As a colleague would who knows nothing of all this.
    const revision = await mesh.tickgate("deploy", "--image", image, "--insecure", "--timeout", "1s");
    assert.equal(revision.code, 1);
    assert.match(
      revision.stderr,
      /no listener uses it, requests pass unfiltered; Envoy refused the listener/,
    );
    assert.deepEqual([await pod.send(), await pod.send()], [200, 200]);
    assert.equal((await standingOf("engine-0")).standing, "unreferenced");
    const told = await problems();
    assert.match(told, /PROBLEM +pod trading\/engine-0: was sent the plugin, but no listener uses it/);
    assert.match(told, /next: tickgate deploy sends the plugin again/);

    await deployGood();
    await pod.send();
    assert.equal(await pod.send(), 429, "enforced again");
  });
}
