import assert from "node:assert/strict";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { root } from "../../scripts/lib/paths.ts";
import { runToEnd, sleep, waitFor, type Finished } from "../../scripts/lib/process.ts";
import { provisionKubectl } from "../../scripts/lib/provision/kubernetes.ts";
import { temporaryDirectory, type TemporaryDirectory } from "../../scripts/lib/temporary.ts";
import { namespace } from "./lib/api-server.ts";
import { Mesh, type MeshPod } from "./lib/mesh.ts";
import { missingLine, readSteps, withSettings } from "./lib/page.ts";

// deploy/README.md, block by block, as somebody with a shell would follow it.

const page = await readFile(join(root, "deploy", "README.md"), "utf8");
const steps = readSteps(page);
const podCount = 4;
const stepMillis = 300_000;

let folder: TemporaryDirectory;
let mesh: Mesh;
let pods: readonly MeshPod[];
let settings: Readonly<Record<string, string>>;
/** How to end what `before` has started, in its order. */
const ends: (() => Promise<unknown>)[] = [];

before(async () => {
  folder = await temporaryDirectory();
  ends.push(() => folder.remove());
  mesh = await Mesh.start();
  ends.push(() => mesh.stop());
  const numbers = Array.from({ length: podCount }, (_, index) => index);
  pods = await Promise.all(
    numbers.map((index) => mesh.startPod({ name: `engine-${index}`, address: `127.0.81.${index + 1}` })),
  );
  const stopped = new AbortController();
  const traffic = Promise.all(pods.map((pod) => send(pod, stopped.signal)));
  ends.push(async () => {
    stopped.abort();
    await traffic;
  });
  await mkdir(join(folder.path, "bin"));
  await symlink((await provisionKubectl()).path, join(folder.path, "bin", "kubectl"));
  await writeFile(join(folder.path, "environment"), "");
  settings = settingsOf(mesh);
});

after(async () => {
  for (const part of ends.toReversed()) await part();
});

/** A rollout needs something to compare. */
async function send(pod: MeshPod, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await pod.send({ headers: { "x-user-id": "alice" } });
    await sleep(20, signal);
  }
}

function settingsOf({ reach, registry, api }: Mesh): Record<string, string> {
  const valueOf = (option: string): string => reach[reach.indexOf(option) + 1] ?? "";
  return {
    REGISTRY: registry.host,
    KUBECONFIG: api.kubernetes.kubeconfig,
    MANIFESTS: join(folder.path, "mesh"),
    TICKGATE_NAMESPACE: namespace,
    TICKGATE_PODS: valueOf("--pods"),
    TICKGATE_ADMIN_PORT: valueOf("--admin-port"),
    TICKGATE_STATS_PORT: valueOf("--stats-port"),
    TICKGATE_INSECURE: "1",
    TICKGATE_WINDOW: "3s",
    // Two cores carry it all.
    TICKGATE_LATENCY_FLOOR: "100ms",
  };
}

/** Runs a block in a shell that goes on where the one before it ended. */
async function follow(commands: string): Promise<Finished> {
  const environment = join(folder.path, "environment");
  const script = ["set -euo pipefail", `. ${environment}`, commands, `export -p > ${environment}`].join("\n");
  const own = [join(folder.path, "bin"), dirname(process.execPath), process.env["PATH"]].join(":");
  return runToEnd({
    name: "bash",
    command: "bash",
    args: ["-c", script],
    cwd: root,
    env: { PATH: own, HOME: folder.path },
    timeoutMillis: stepMillis,
  });
}

test("what a page shows is looked for in its order, and not found where it is not", () => {
  const output = "name  state\nengine-0  running\nengine-1  REFUSED\n";
  assert.equal(missingLine(["name state", "... REFUSED"], output), undefined);
  assert.equal(missingLine(["engine-1 running"], output), "engine-1 running");
  assert.equal(missingLine(["... REFUSED", "... running"], output), "... running");
});

test("the first block sets what this test has values for, and nothing else", () => {
  const names = [...(steps[0]?.commands ?? "").matchAll(/^export (\w+)=/gm)].map(([, name = ""]) => name);
  assert.deepEqual(names.toSorted(), Object.keys(settings).toSorted());
});

for (const [index, { commands, shown, heading }] of steps.entries()) {
  test(`${index + 1}. ${heading}: ${commands.split("\n")[0] ?? ""}`, async (t) => {
    const { code, stdout, stderr } = await follow(index === 0 ? withSettings(commands, settings) : commands);
    const said = `${stdout}\n${stderr}`;
    t.diagnostic(said);
    assert.equal(code, 0, said);
    assert.equal(missingLine(shown, stdout), undefined, said);
  });
}

test("in the end no pod has the filter, and all are on the stable track", async () => {
  await waitFor("the filter was gone", async () => {
    const replies = await Promise.all(pods.map((pod) => pod.send()));
    return replies.every((status) => status === 200) ? true : undefined;
  });
  const plugins = await follow("kubectl get wasmplugins -A -o name");
  assert.equal(plugins.stdout, "");
});

test("every link of the pages leads somewhere", async () => {
  for (const name of ["README.md", "manifests.md", "failures.md"]) {
    const text = await readFile(join(root, "deploy", name), "utf8");
    for (const [, target = ""] of text.matchAll(/\]\(([^)#]+)\)/g)) {
      await assert.doesNotReject(readFile(join(root, "deploy", target)), `${name}: ${target}`);
    }
  }
});
