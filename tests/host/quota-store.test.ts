import assert from "node:assert/strict";
import { MODULES, releaseTest, test } from "./lib/cases.ts";
import type { Filter } from "./lib/filter.ts";
import { assertBounded, type Admitted } from "./lib/law.ts";
import { by, ofSlot, on, slotKeys, slotValues, spendAll } from "./lib/quotas.ts";
import { seeded } from "./lib/random.ts";
import { SEED_KEY, decodeSlot, seedOf } from "./lib/slots.ts";

const HOUR = { name: "q", limit: 5, window: "1h" };
const NANOS = 1_000_000_000n;
const CAPACITY = { store: { capacity: 1000 } };
/** Half of the entries are taken at the capacity. */
const ENTRIES = 2000;

test("a full table evicts what loses least, counts it, and gives nobody more than the bound", (given) => {
  const filter = given({ ...CAPACITY, quotas: [{ name: "q", limit: 1, window: "1s", burst: 4 }] });
  const random = seeded(11);
  const admitted = new Map<string, Admitted[]>();
  for (let i = 0; i < 20_000; i++) {
    filter.proxy.clock.move(BigInt(Math.floor(random() * 400_000)));
    const user = `user${Math.floor(random() * 4000)}`;
    if (filter.send(by(user)).status !== 200) continue;
    const list = admitted.get(user) ?? [];
    list.push({ nanos: filter.proxy.clock.monotonicNanos, cost: 1 });
    admitted.set(user, list);
  }
  filter.tick();
  assert.ok(filter.metric("tickgate_store_evictions_total") > 100);
  for (const list of admitted.values()) assertBounded(list, { limit: 1, windowNanos: NANOS, burst: 4 });
  for (const value of slotValues(filter.proxy)) assert.ok(value.length <= 404);
});

test("an evicted user does not get a fresh bucket", (given) => {
  const filter = given({ ...CAPACITY, quotas: [HOUR] });
  assert.equal(spendAll(filter, by("victim")), 5);
  const worker = filter.plugin.worker();
  for (let i = 0; i < 3 * ENTRIES; i++) spendAll(filter, by(`u${i}`));
  assert.ok(worker.memoryBytes < 8 * 1024 * 1024);
  // The caches of this VM must not be what refuses: another one looks.
  assert.equal(
    filter.update({ ...CAPACITY, quotas: [HOUR, { ...HOUR, name: "other", limit: 6 }] }),
    undefined,
  );
  assert.equal(spendAll(filter, by("victim")), 0);
});

test("expired entries are dropped before any live one", (given) => {
  const filter = given({ ...CAPACITY, quotas: [{ name: "q", limit: 10, burst: 2 }] });
  for (let i = 0; i < 10 * ENTRIES; i++) {
    filter.send(by(`u${i}`));
    filter.proxy.clock.move(1_000_000n);
  }
  filter.tick();
  assert.equal(filter.metric("tickgate_store_evictions_total"), 0);
  assert.equal(filter.requests({ result: "ok" }), 10 * ENTRIES);
});

test("a worker whose clock was read long ago finds no fresh bucket where an expired one was dropped", (given) => {
  const filter = given({}, { workers: 2 });
  filter.proxy.sharedData.set("", SEED_KEY, seedOf(1, 1));
  assert.equal(filter.update({ quotas: [{ name: "q", limit: 1000, burst: 10 }] }), undefined);
  const { clock, faults } = filter.proxy;
  const start = clock.monotonicNanos;
  const later = start + 10_000_000n;
  const admitted: Admitted[] = [];
  const ask = (nanos: bigint): void => {
    clock.monotonicNanos = nanos;
    if (filter.send(by("u")).status === 200) admitted.push({ nanos, cost: 1 });
  };
  for (let i = 0; i < 10; i++) ask(start);
  // The eleventh reads the clock and then waits, until 16 others have filled the slot and dropped what was full again.
  const crowd = (): void => {
    clock.monotonicNanos = later;
    for (let i = 0; i < 16; i++) filter.send(on(1, by(`u${i}`)));
  };
  faults.before("proxy_get_shared_data", crowd, { when: ofSlot, thread: "worker0", times: 1 });
  ask(start);
  for (let i = 0; i < 10; i++) ask(later);
  assertBounded(admitted, { limit: 1000, windowNanos: NANOS, burst: 10 });
  assert.equal(filter.metric("tickgate_store_evictions_total"), 0);
});

test("a change of capacity keeps the table and warns", (given) => {
  const filter = given({ ...CAPACITY, quotas: [HOUR] });
  assert.equal(spendAll(filter, by("u")), 5);
  assert.equal(filter.update({ store: { capacity: 50_000 }, quotas: [HOUR] }), undefined);
  assert.equal(spendAll(filter, by("u")), 0);
  const said = filter.proxy.log.messages({ level: "warn", source: "filter" });
  assert.ok(said.includes("store.capacity stays as it was until the proxy restarts"));
});

/** Everything that must not give anybody a fresh bucket. */
const SURVIVED: Readonly<Record<string, (filter: Filter) => void>> = {
  "an update": (filter) =>
    assert.equal(filter.update({ quotas: [HOUR], violationLog: { perSecond: 1 } }), undefined),
  "an update there and back": (filter) => {
    filter.update({ quotas: [HOUR], mode: "observe" });
    filter.update({ quotas: [HOUR] });
  },
  "an update without quotas in between": (filter) => {
    filter.update({});
    filter.update({ quotas: [HOUR] });
  },
  "another version of the module": (filter) => {
    for (const wasm of [MODULES.debug, MODULES.release])
      assert.equal(filter.update({ quotas: [HOUR], failureMode: "deny" }, { wasm }), undefined);
  },
  "a reload after a trap": (filter) => {
    filter.proxy.clock.move(2n * NANOS);
    filter.trap(0);
    filter.proxy.clock.move(2n * NANOS);
  },
};

for (const [name, change] of Object.entries(SURVIVED)) {
  test(`${name}: nobody gets a fresh bucket`, (given) => {
    const filter = given({ quotas: [HOUR] }, { failurePolicy: "FAIL_RELOAD" });
    assert.equal(spendAll(filter, by("u")), 5);
    filter.send(by("v"));
    change(filter);
    assert.deepEqual([spendAll(filter, by("u")), spendAll(filter, by("v"))], [0, 4]);
  });
}

test("a worker that comes later, or another plugin with the quota, sees what was charged", (given) => {
  const first = given({ quotas: [HOUR] }, { workers: 3 });
  assert.equal(spendAll(first, by("u")), 5);
  for (const worker of [1, 2]) assert.equal(spendAll(first, on(worker, by("u"))), 0);
  const second = given({ quotas: [HOUR] }, { proxy: first.proxy, rootId: "second" });
  assert.equal(spendAll(second, by("u")), 0);
});

test("streams in flight over an update are charged by the configuration they began with", (given) => {
  const filter = given({ quotas: [HOUR] });
  const stream = filter.plugin.worker().stream();
  assert.equal(filter.update({ quotas: [{ ...HOUR, limit: 2 }] }), undefined);
  for (let i = 0; i < 2; i++) assert.equal(filter.send(by("u")).status, 200);
  assert.equal(filter.send(by("u")).status, 429);
  stream.requestHeaders({ "x-user-id": "u", ":method": "GET", ":path": "/" });
  assert.equal(stream.responded, true);
  stream.end();
});

test("other limits re-interpret what was charged: time owed stays, up to an empty bucket", (given) => {
  const filter = given({ quotas: [{ name: "q", limit: 10, window: "10s" }] });
  assert.equal(spendAll(filter, by("u")), 10);
  filter.update({ quotas: [{ name: "q", limit: 20, window: "10s" }] });
  assert.equal(spendAll(filter, by("u")), 0);
  filter.proxy.clock.move(NANOS);
  assert.equal(spendAll(filter, by("u")), 2);
  filter.update({ quotas: [{ name: "q", limit: 20, window: "10s", burst: 25 }] });
  assert.equal(spendAll(filter, by("u")), 5, "a larger burst is there at once");
  filter.update({ quotas: [{ name: "q", limit: 20, window: "10s", burst: 5 }] });
  assert.equal(spendAll(filter, by("u")), 0, "under a smaller one the bucket is empty");
  filter.proxy.clock.move(2n * NANOS);
  assert.equal(spendAll(filter, by("u")), 2, "and fills at its rate from then on, a second of slack apart");
});

releaseTest("active users: those charged within their window, at most 10 s old, counted once", (given) => {
  const quotas = [
    { name: "slow", limit: 10, window: "30s" },
    { name: "fast", limit: 1000, window: "30s" },
    { name: "all", key: [], limit: 1_000_000 },
  ];
  const filter = given({ quotas }, { workers: 2 });
  for (let i = 0; i < 500; i++) filter.send(on(i % 2, by(`u${i % 250}`)));
  filter.proxy.advance(10_000);
  assert.equal(filter.metric("trading_active_users"), 250);
  filter.proxy.advance(15_000);
  for (let i = 0; i < 40; i++) filter.send(by(`u${i}`));
  filter.send({});
  filter.proxy.advance(1000);
  assert.equal(filter.metric("trading_active_users"), 250);
  filter.proxy.advance(15_000);
  assert.equal(filter.metric("trading_active_users"), 40, "40 users again, and nobody is no user");
  filter.proxy.advance(30_000);
  assert.equal(filter.metric("trading_active_users"), 0);
});

releaseTest("a window's users are active for the window, and less than a second longer", (given) => {
  const filter = given({ quotas: [{ name: "q", limit: 1, window: "1s" }] });
  filter.proxy.advance(300);
  filter.send(by("u"));
  let last = 0;
  for (let i = 0; i < 200; i++) {
    filter.proxy.advance(100);
    if (filter.metric("trading_active_users") > 0) last = i + 1;
  }
  assert.ok(last <= 120, `seen for ${last * 100} ms`);
});

test("a table takes the memory of its slots, not of its users", (given) => {
  const filter = given({ ...CAPACITY, quotas: [{ name: "q", limit: 10 }] });
  for (let i = 0; i < 20_000; i++) filter.send(by(`u${i}`));
  const slots = Math.ceil(ENTRIES / 16);
  assert.equal(slotKeys(filter.proxy).length, slots);
  const entries = slotValues(filter.proxy).map((value) => decodeSlot(value).entries.length);
  assert.ok(Math.max(...entries) <= 16);
});

test("active users stay a truth when quotas go, and while leases pay", (given) => {
  const quota = { name: "q", limit: 1, window: "20s", burst: 16 };
  const filter = given({ quotas: [quota] });
  for (const user of ["a", "b", "c"]) filter.send(by(user));
  filter.tick(12);
  assert.equal(filter.metric("trading_active_users"), 3);
  filter.update({ mode: "observe" });
  filter.tick(80);
  assert.equal(filter.metric("trading_active_users"), 0);

  const leasing = given({ quotas: [{ ...quota, window: "1s", precision: { lease: 16 } }] });
  leasing.send(by("u"));
  leasing.tick(24);
  for (let second = 0; second < 40; second++) {
    leasing.send(by("u"));
    leasing.tick(2);
    assert.equal(leasing.metric("trading_active_users"), 1, `second ${second}`);
  }
});
