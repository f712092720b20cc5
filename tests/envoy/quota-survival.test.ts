import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { flood } from "../../bench/lib/flood.ts";
import { deliverByFile, updateFilter } from "../../scripts/lib/envoy/delivery.ts";
import type { HttpFilter } from "../../scripts/lib/envoy/types.ts";
import { filterModule } from "../../scripts/lib/paths.ts";
import { waitFor } from "../../scripts/lib/process.ts";
import { temporaryDirectory } from "../../scripts/lib/temporary.ts";
import { Client } from "./lib/client.ts";
import { startGateway, tickgate, type Gateway } from "./lib/gateway.ts";
import { buildProbe } from "./lib/modules.ts";

// Nobody gets a fresh bucket: not by an update, not by another module, not by a VM that died.

const debugModule = filterModule.replace(/\.wasm$/, ".debug.wasm");
const workers = 2;
/** New connections after which each of two workers has had one, but for 1 case in 2,000. */
const connectionsForAll = 12;
const slow = { name: "per-user", key: ["user"], limit: 1, window: "1h", burst: 4 };

interface Version {
  readonly module?: string;
  readonly quota?: object;
}

interface Delivered {
  readonly gateway: Gateway;
  readonly client: Client;
  /** Delivers a version and waits until all workers run it. */
  readonly deliver: (version: Version) => Promise<void>;
}

/** `tag` shows on every response that passes: which version has answered. */
function filterOf({ module = filterModule, quota = slow }: Version, tag: string): HttpFilter {
  return tickgate({
    module,
    configuration: { quotas: [quota], budgets: [{ name: tag, limit: "1s", announce: true }] },
  });
}

async function start(t: TestContext, first: Version = {}): Promise<Delivered> {
  const directory = await temporaryDirectory();
  t.after(() => directory.remove());
  const delivery = await deliverByFile(directory.path, filterOf(first, "v0"));
  const gateway = await startGateway(t, { filters: [delivery.filter], workers });
  const client = new Client(t, gateway.port, 0);
  let versions = 0;
  const runs = async (tag: string): Promise<boolean> => {
    for (let i = 0; i < connectionsForAll; i++) {
      const { headers } = await client.send({ "x-user-id": `${tag}-${i}-${Math.trunc(performance.now())}` });
      if (!String(headers["x-latency-budget"]).startsWith(`${tag};`)) return false;
    }
    return true;
  };
  const deliver = async (version: Version): Promise<void> => {
    versions += 1;
    const tag = `v${versions}`;
    const verdict = await updateFilter(gateway.envoy.admin, delivery, filterOf(version, tag));
    assert.equal(verdict, "accepted");
    await waitFor(`all workers run ${tag}`, async () => ((await runs(tag)) ? true : undefined));
  };
  return { gateway, client, deliver };
}

/** How many of some requests on connections of their own, so of both workers, pass. */
async function passed(client: Client, user: string, count = connectionsForAll): Promise<number> {
  let ok = 0;
  for (let i = 0; i < count; i++) {
    const { status } = await client.send({ "x-user-id": user });
    assert.ok(status === 200 || status === 429, `status ${status}`);
    if (status === 200) ok += 1;
  }
  return ok;
}

test("an update, another module, and back again", async (t) => {
  const { client, deliver } = await start(t);
  assert.equal(await passed(client, "spent"), 4);
  assert.equal(await passed(client, "half", 2), 2);
  for (const version of [{}, { module: debugModule }, { module: debugModule }, {}]) {
    await deliver(version);
    assert.equal(await passed(client, "spent"), 0, JSON.stringify(version));
  }
  assert.equal(await passed(client, "half"), 2);
});

test("a larger burst gives the difference, a smaller one takes nothing back", async (t) => {
  const { client, deliver } = await start(t);
  assert.equal(await passed(client, "u"), 4);
  await deliver({ quota: { ...slow, burst: 7 } });
  assert.equal(await passed(client, "u"), 3);
  await deliver({ quota: { ...slow, burst: 1 } });
  assert.equal(await passed(client, "u"), 0);
});

test("a VM that died of a trap", async (t) => {
  const module = await buildProbe(t, "trapping");
  const filters = [tickgate({ module, failurePolicy: "FAIL_RELOAD", configuration: { quotas: [slow] } })];
  const gateway = await startGateway(t, { filters, workers });
  const client = new Client(t, gateway.port, 0);
  assert.equal(await passed(client, "spent"), 4);
  assert.equal(await passed(client, "half", 2), 2);
  const reloads = async (): Promise<number> =>
    [...(await gateway.envoy.admin.stats("vm_reload_success"))].reduce((sum, [, count]) => sum + count, 0);
  // The trap's own request has been charged: the last token but one of this user.
  const killed = await client.send({ "x-user-id": "half" }, { method: "POST", body: "kills" });
  assert.equal(killed.status, 503);
  await waitFor("the VM was made anew", async () => {
    await client.send({ "x-user-id": "spent" });
    return (await reloads()) > 0 ? true : undefined;
  });
  const answered = await waitFor("both workers answer", async () => {
    const statuses: number[] = [];
    for (let i = 0; i < connectionsForAll; i++)
      statuses.push((await client.send({ "x-user-id": "spent" })).status);
    return statuses.every((status) => status !== 503) ? statuses : undefined;
  });
  assert.deepEqual(new Set(answered), new Set([429]));
  assert.equal(await passed(client, "half"), 1);
});

test("under load, from update to update, nobody gets more than the bound", async (t) => {
  const quota = { name: "per-user", key: ["user"], limit: 40, window: "1s", burst: 40 };
  const { gateway, deliver } = await start(t, { quota });
  const load = { port: gateway.port, users: 8, perSecond: 1600, seconds: 4, connections: 32 };
  const state = { ended: false };
  const flooding = flood(load).finally(() => (state.ended = true));
  let updates = 0;
  while (!state.ended) {
    updates += 1;
    const module = updates % 2 === 0 ? filterModule : debugModule;
    await deliver({ quota, module });
  }
  const counts = await flooding;
  const shares = counts.map(
    ({ admitted, firstMillis, lastMillis }) => admitted / (40 + (40 * (lastMillis - firstMillis)) / 1000),
  );
  t.diagnostic(
    `${updates} updates; admitted/bound ${Math.min(...shares).toFixed(3)}..${Math.max(...shares).toFixed(3)}`,
  );
  assert.ok(updates >= 3);
  assert.ok(Math.max(...shares) <= 1, `a user got ${Math.max(...shares)} of its bound`);
});
