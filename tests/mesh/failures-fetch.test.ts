import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readPlugin, type FailStrategy } from "../../deploy/tool/cluster/plugins.ts";
import { parseJson } from "../../deploy/tool/json.ts";
import { root } from "../../scripts/lib/paths.ts";
import { waitFor, type Finished } from "../../scripts/lib/process.ts";
import { Mesh, type MeshPod } from "./lib/mesh.ts";

// A module that can't be fetched: what happens to traffic, and who says so (deploy/failures.md has the table). istiod is
// told an ACK in all of these cases. The tests run one after the other.
let mesh: Mesh;
let stop: (() => Promise<void>) | undefined;
let pod: MeshPod;
/** The module under two digests. */
let image: string;
let next: string;

before(async () => {
  mesh = await Mesh.start();
  stop = () => mesh.stop();
  pod = await mesh.startPod({ name: "engine-0", address: "127.0.0.22" });
  const filter = await readFile(join(root, "build/tickgate.wasm"));
  image = await mesh.registry.push(filter, "0.1.0");
  next = await mesh.registry.push(filter, "0.1.1");
});

after(() => stop?.());

function deploy(...args: readonly string[]): Promise<Finished> {
  return mesh.tickgate("deploy", "--selector", "app=trading-engine", ...args);
}

async function deployed(...args: readonly string[]): Promise<string> {
  const { code, stderr } = await deploy("--insecure", ...args);
  assert.equal(code, 0, stderr);
  return stderr;
}

function doctor(...args: readonly string[]): Promise<Finished> {
  return mesh.tickgate("doctor", "--insecure", ...args);
}

/** How pods stand, by `tickgate status`. */
async function standings(): Promise<Record<string, string>> {
  const { stdout, stderr } = await mesh.tickgate("status", "--output", "json");
  assert.notEqual(stdout, "", stderr);
  const { pods } = parseJson<{ pods: { pod: string; standing: string }[] }>(stdout);
  return Object.fromEntries(pods.map((one) => [one.pod, one.standing]));
}

/** A request that only the filter refuses: the quota admits one of these an hour. */
const limited = { headers: { "x-user-id": "carol" } };
const quota = { quotas: [{ name: "hourly", key: ["user"], limit: 1, window: "1h" }] };

interface Case {
  readonly strategy: FailStrategy;
  /** What a request gets while the module is missing. */
  readonly status: number;
  readonly standing: string;
  readonly words: RegExp;
  readonly before: RegExp;
}

const denying = {
  status: 403,
  standing: "denying",
  words: /REFUSES ALL REQUESTS with 403: its agent can't fetch oci:/,
  before: /pods that are sent it refuse all requests with 403/,
} as const;

const cases: readonly Case[] = [
  { strategy: "FAIL_CLOSE", ...denying },
  { strategy: "FAIL_RELOAD", ...denying },
  {
    strategy: "FAIL_OPEN",
    status: 200,
    standing: "bypassed",
    words: /lets all requests pass unfiltered: its agent can't fetch oci:/,
    before: /pods that are sent it let all requests pass unfiltered/,
  },
];

for (const { strategy, status, standing, words, before: said } of cases) {
  const strategyArgs = ["--fail-strategy", strategy] as const;
  const missing = (): string => image.replace(/[0-9a-f]{64}$/, "d".repeat(64));

  test(`${strategy}, a digest that nobody has: known before; then ${status} for all, though istiod has an ACK`, async () => {
    await deployed("--image", image, "--config", await mesh.configFile(quota), ...strategyArgs);
    const examined = await doctor("--image", missing());
    assert.equal(examined.code, 1);
    assert.match(examined.stdout, /PROBLEM +image oci:.*: is not in the registry/);
    assert.match(examined.stdout, said);
    const refused = await deploy("--image", missing(), "--insecure");
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /the registry has no oci:/);
    assert.match(refused.stderr, said);
    assert.equal((await readPlugin(mesh.api.admin, "tickgate"))?.spec.url, image, "nothing was changed");

    const failed = await deploy("--image", missing(), "--skip-image-check");
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /could not fetch the module: sending it again/);
    assert.match(failed.stderr, words);
    assert.deepEqual([await pod.send(limited), await pod.send(limited)], [status, status]);
    assert.deepEqual(await standings(), { "engine-0": standing });
    assert.equal(await mesh.istiod.refusalOf("engine-0"), undefined, "an ACK, as far as istiod knows");
    assert.ok(pod.lines().some((line) => /cannot fetch Wasm module/.test(line)));
    const seen = await doctor();
    assert.equal(seen.code, 1);
    assert.match(seen.stdout, words);

    const back = await mesh.tickgate("rollback");
    assert.equal(back.code, 0, back.stderr);
    assert.deepEqual([await pod.send(limited), await pod.send(limited)], [200, 429]);
  });

  test(`${strategy}, registry down: what is cached goes on, a new image and a fresh pod get ${status} until it is sent again`, async (t) => {
    await mesh.registry.crash();
    t.after(() => mesh.registry.restart());
    const other = { quotas: [{ ...quota.quotas[0], limit: 2 }] };
    await deployed("--config", await mesh.configFile(other));
    assert.deepEqual(await standings(), { "engine-0": "running" });

    const unknown = await doctor();
    assert.equal(unknown.code, 1);
    assert.match(unknown.stdout, /PROBLEM +image oci:.*: can't be looked for: registry .*ECONNREFUSED/);
    assert.match(unknown.stdout, said);
    const failed = await deploy("--image", next, "--insecure");
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /warning: not known whether the registry has the image/);
    assert.match(failed.stderr, words);
    assert.equal(await pod.send(), status);
    const back = await mesh.tickgate("rollback");
    assert.equal(back.code, 0, back.stderr);

    const fresh = await mesh.startPod({ name: "engine-1", address: "127.0.0.23" });
    assert.equal(await fresh.send(), status);
    await mesh.registry.restart();
    assert.equal(await mesh.istiod.refusalOf("engine-1"), undefined);
    assert.deepEqual(await standings(), { "engine-0": "running", "engine-1": standing });
    assert.equal(await fresh.send(), status, "the agent does not try again by itself");
    const again = await deployed();
    assert.match(again, /1 pods could not fetch the module: sending it again/);
    assert.deepEqual(await standings(), { "engine-0": "running", "engine-1": "running" });
    await fresh.remove();
  });
}

test("sha256 beside a tag, and it is another's: refused by the agent like a missing image", async () => {
  await deployed("--image", image, "--config", await mesh.configFile(quota), "--fail-strategy", "FAIL_CLOSE");
  await mesh.edit({
    url: image.replace(/@.*$/, ":0.1.0"),
    sha256: "c".repeat(64),
  });
  await waitFor("the agent refused the module", async () => ((await pod.send()) === 403 ? true : undefined));
  assert.deepEqual(await standings(), { "engine-0": "denying" });
  assert.ok(pod.lines().some((line) => line.includes("c".repeat(64))));
  const kept = await mesh.tickgate("rollback");
  assert.equal(kept.code, 1);
  assert.match(kept.stderr, /owned by kubectl-edit|spec\.sha256 = "[0-9a-f]{64}" of kubectl-edit/);
  assert.equal(await pod.send(), 403);
  const back = await mesh.tickgate("rollback", "--force-conflicts");
  assert.equal(back.code, 0, back.stderr);
  assert.match(back.stderr, /removing from WasmPlugin \S+ what others have added\n {2}spec\.sha256 = /);
  assert.deepEqual([await pod.send(limited), await pod.send(limited)], [200, 429]);
});
