import assert from "node:assert/strict";
import type { CallCounts, Observation } from "../../scripts/lib/emulator/index.ts";
import { test } from "./lib/cases.ts";
import type { Filter } from "./lib/filter.ts";
import { by, from, on, spendAll } from "./lib/quotas.ts";
import type { Sent } from "./lib/traffic.ts";

const PEER = "spiffe://cluster.local/ns/trading/sa/gateway";
const STORE_CALLS = ["proxy_get_shared_data", "proxy_set_shared_data"];
const EXACT = { name: "q", limit: 1000, burst: 100 };
const LEASED = { ...EXACT, precision: { lease: 16 } };

/** Host calls of a request's life, and how many of them return bytes. */
function costOf(calls: CallCounts): readonly [calls: number, returning: number] {
  return [calls.total, calls.mallocs];
}

function touches(calls: CallCounts): number {
  return STORE_CALLS.reduce((sum, name) => sum + calls.of(name), 0);
}

/** A request like one that was served before: its series are known. */
function warm(filter: Filter, sent: Sent): Observation {
  filter.send(sent);
  return filter.send(sent);
}

function within(calls: CallCounts, most: readonly [number, number]): void {
  const [total, returning] = costOf(calls);
  const all = JSON.stringify(calls.toRecord());
  assert.ok(total <= most[0] && returning <= most[1], `${total} calls, ${returning} return bytes: ${all}`);
}

test("an allowed exact request: at most 8 calls, 3 of them with bytes", (given) => {
  within(warm(given({ quotas: [EXACT] }), by("u")).calls, [8, 3]);
});

test("a leased one: at most 6, 2 of them with bytes", (given) => {
  const { calls } = warm(given({ quotas: [LEASED] }), by("u"));
  within(calls, [6, 2]);
  assert.equal(touches(calls), 0);
});

test("one more of each when the peer is consulted", (given) => {
  const trusting = { trustedPeers: [PEER] };
  within(warm(given({ ...trusting, quotas: [EXACT] }), from(PEER, by("u"))).calls, [9, 4]);
  within(warm(given({ ...trusting, quotas: [LEASED] }), from(PEER, by("u"))).calls, [7, 3]);
});

test("a locally denied one: at most 4 up to and with the reply, and none to the store", (given) => {
  for (const [configuration, sent, most] of [
    [{ quotas: [EXACT] }, by("u"), 4],
    [{ quotas: [EXACT, { ...EXACT, name: "second", limit: 50 }] }, by("u"), 4],
    [{ trustedPeers: [PEER], quotas: [EXACT] }, from(PEER, by("u")), 5],
  ] as const) {
    const filter = given(configuration);
    assert.equal(spendAll(filter, sent), 100);
    filter.send(sent);
    const before = filter.proxy.calls.total;
    let until = 0;
    const fault = filter.proxy.faults.after("proxy_send_local_response", () => {
      until = filter.proxy.calls.total - before;
    });
    const { calls, status } = filter.send(sent);
    fault.remove();
    assert.deepEqual([status, touches(calls)], [429, 0]);
    assert.ok(until > 0 && until <= most, `${until} calls`);
  }
});

test("a local denial ends as soon as a token is back", (given) => {
  const filter = given({ quotas: [{ name: "q", limit: 10, burst: 2 }] });
  spendAll(filter, by("u"));
  assert.equal(touches(filter.send(by("u")).calls), 0);
  filter.proxy.clock.move(99_999_999n);
  assert.equal(filter.send(by("u")).status, 429);
  filter.proxy.clock.move(1n);
  assert.equal(filter.send(by("u")).status, 200);
});

test("a bucket whose charges may be undone is never denied from memory", (given) => {
  for (const [quotas, sent] of [
    [[EXACT, { ...EXACT, name: "all", key: [] }], by("u")],
    [[EXACT, { ...EXACT, name: "second", limit: 50 }], {}],
  ] as const) {
    const filter = given({ quotas });
    spendAll(filter, sent);
    filter.send(sent);
    const { status, calls } = filter.send(sent);
    assert.deepEqual([status, touches(calls) > 0], [429, true]);
  }
});

test("all quotas of a user are charged by one swap", (given) => {
  const quotas = Array.from({ length: 5 }, (_, i) => ({ ...EXACT, name: `q${i}` }));
  const { calls } = warm(given({ quotas }), by("u"));
  assert.deepEqual([calls.of("proxy_get_shared_data"), calls.of("proxy_set_shared_data")], [1, 1]);
});

test("leases: one swap for many requests, at most VMs * (lease - 1) beyond the bound", (given) => {
  const filter = given(
    { quotas: [{ name: "q", limit: 1, burst: 64, precision: { lease: 16 } }] },
    { workers: 3 },
  );
  let swaps = 0;
  let passed = 0;
  for (let i = 0; i < 300; i++) {
    const { status, calls } = filter.send(on(i % 3, by("u")));
    passed += Number(status === 200);
    swaps += calls.of("proxy_set_shared_data");
  }
  assert.equal(passed, 64);
  assert.ok(swaps <= 64 / 16 + 3, `${swaps} swaps`);
});

test("unspent tokens of a lease lapse when their time has passed", (given) => {
  const filter = given(
    { quotas: [{ name: "q", limit: 10, burst: 20, precision: { lease: 10 } }] },
    { workers: 2 },
  );
  filter.send(on(0, by("u")));
  filter.proxy.clock.move(10_000_000_000n);
  assert.equal(
    spendAll(filter, on(1, by("u"))),
    20,
    "the whole burst is there, whatever worker 0 had leased",
  );
  assert.equal(spendAll(filter, on(0, by("u"))), 0);
});

test("a request that costs more than its lease has left leaves the lease alone", (given) => {
  const cost = { header: "x-cost", max: 8 };
  const filter = given({ quotas: [{ name: "q", limit: 1, burst: 8, cost, precision: { lease: 8 } }] });
  assert.equal(filter.send(by("u", { "x-cost": "3" })).status, 200);
  assert.equal(filter.send(by("u", { "x-cost": "8" })).status, 429);
  assert.equal(spendAll(filter, by("u", { "x-cost": "1" })), 5);
});
