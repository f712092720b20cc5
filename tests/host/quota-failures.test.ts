import assert from "node:assert/strict";
import { Status } from "../../scripts/lib/emulator/index.ts";
import { test } from "./lib/cases.ts";
import type { Filter } from "./lib/filter.ts";
import { by, on, ofSlot, slotKeys, slotValues, spendAll } from "./lib/quotas.ts";
import { decodeSlot } from "./lib/slots.ts";

const FAILED = Object.values(Status).filter(
  (status) =>
    status !== Status.Ok &&
    status !== Status.CasMismatch &&
    status !== Status.NotFound &&
    status !== Status.Empty,
);
const FUNCTIONS = ["proxy_get_shared_data", "proxy_set_shared_data"] as const;
const Q = { name: "q", limit: 5, window: "1h" };
const ALL = { name: "all", key: [], limit: 5, window: "1h" };
const DECISIONS = "trading_quota_decisions_total";
const FAILURES = "tickgate_failures_total";
const TRIES = 32;

for (const failureMode of ["allow", "deny"]) {
  test(`a store call that fails in any way is ${failureMode === "allow" ? "allowed" : "denied"} and counted`, (given) => {
    for (const name of FUNCTIONS) {
      for (const status of FAILED) {
        const filter = given({ failureMode, quotas: [Q] });
        const fault = filter.proxy.faults.fail(name, status, { when: ofSlot });
        const { seen, labels, grew } = filter.when(by("u"));
        assert.equal(seen.status, failureMode === "allow" ? 200 : 503);
        assert.equal(labels["result"], failureMode === "allow" ? "ok" : "failed");
        assert.equal(grew(FAILURES, { reason: "store" }) > 0, true, `${name} ${status}`);
        assert.equal(grew(DECISIONS, { quota: "q", decision: "failed" }), 1);
        assert.equal(grew(DECISIONS), 1);
        fault.remove();
        assert.equal(spendAll(filter, by("u")), 5, "nothing was charged");
      }
    }
  });
}

test("observe lets a failure pass even where it would be denied", (given) => {
  const filter = given({ mode: "observe", failureMode: "deny", quotas: [Q] });
  filter.proxy.faults.fail("proxy_get_shared_data", Status.InternalFailure, { when: ofSlot });
  assert.equal(filter.send(by("u")).status, 200);
});

test("a failure at any of the store calls of a request over two slots leaves no charge behind", (given) => {
  for (const name of FUNCTIONS) {
    for (let nth = 1; nth <= 2; nth++) {
      const filter = given({ failureMode: "deny", quotas: [Q, ALL] });
      filter.proxy.faults.fail(name, Status.InternalFailure, { when: ofSlot, nth });
      const { seen, grew } = filter.when(by("u"));
      assert.equal(seen.status, 503);
      assert.equal(grew(DECISIONS, { decision: "failed" }), 2);
      filter.proxy.faults.clear();
      assert.equal(spendAll(filter, by("u")), 5, `${name} ${nth}`);
    }
  }
});

test("a lost swap is tried again and counted; after 32 in a row the store has failed", (given) => {
  for (const lost of [1, 2, TRIES - 1, TRIES]) {
    const filter = given({ failureMode: "deny", quotas: [Q] });
    const options = { when: ofSlot, times: lost };
    filter.proxy.faults.fail("proxy_set_shared_data", Status.CasMismatch, options);
    const { seen, grew } = filter.when(by("u"));
    const exhausted = lost === TRIES;
    assert.equal(seen.status, exhausted ? 503 : 200);
    assert.equal(grew("tickgate_store_retries_total"), Math.min(lost, TRIES - 1));
    assert.equal(grew(FAILURES, { reason: "store" }), Number(exhausted));
    assert.equal(spendAll(filter, by("u")), exhausted ? 5 : 4);
  }
});

test("a swap lost to another worker sees its charge", (given) => {
  const filter = given({ quotas: [Q] }, { workers: 2 });
  const other = (): void => void filter.send(on(1, by("u")));
  filter.proxy.faults.before("proxy_set_shared_data", other, { when: ofSlot, thread: "worker0", times: 3 });
  assert.equal(filter.send(by("u")).status, 200);
  assert.equal(spendAll(filter, by("u")), 1);
});

test("an undo that fails is counted; the charge stays", (given) => {
  const filter = given({ quotas: [Q, ALL] }, { workers: 2 });
  for (let i = 0; i < 4; i++) filter.send(by(`v${i}`));
  // The first save of worker 0 is its first slot; before its second, worker 1 takes the last token of all.
  let saves = 0;
  filter.proxy.faults.before(
    "proxy_set_shared_data",
    () => {
      saves++;
      if (saves !== 2) return;
      filter.send(on(1, by("w")));
      filter.proxy.faults.fail("proxy_get_shared_data", Status.InternalFailure, {
        when: ofSlot,
        thread: "worker0",
        nth: 2,
      });
    },
    { when: ofSlot, thread: "worker0" },
  );
  const { status } = filter.send(by("u"));
  filter.tick();
  assert.deepEqual([status, filter.failures("store")], [429, 1]);
});

function foreign(filter: Filter, damage: (value: Buffer) => Uint8Array): number {
  filter.send(by("u"));
  const [key] = slotKeys(filter.proxy);
  const value = Buffer.from(slotValues(filter.proxy)[0] ?? []);
  assert.ok(key !== undefined && value.length === 44);
  filter.proxy.sharedData.set("", key, damage(value));
  const { grew } = filter.when(by("u"));
  return grew(FAILURES, { reason: "store_value" });
}

const DAMAGES: Readonly<Record<string, (value: Buffer) => Uint8Array>> = {
  "a flipped bit": (value) => flipped(value, 30),
  "a flipped bit of the floor": (value) => flipped(value, 9),
  "another format": (value) => flipped(value, 0),
  "a wrong check": (value) => flipped(value, 4),
  "an empty value": () => new Uint8Array(),
  "a short head": (value) => value.subarray(0, 19),
  "half an entry": (value) => value.subarray(0, 32),
  "an entry too many": (value) => Buffer.concat([value.subarray(0, 20), Buffer.alloc(17 * 24)]),
  "a long text": () => Buffer.alloc(100_000, "x"),
};

function flipped(value: Buffer, at: number): Buffer {
  const changed = Buffer.from(value);
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
}

for (const [name, damage] of Object.entries(DAMAGES)) {
  test(`${name} in a slot is counted, treated as empty and written over`, (given) => {
    const filter = given({ quotas: [Q] });
    assert.equal(foreign(filter, damage), 1);
    assert.equal(decodeSlot(slotValues(filter.proxy)[0] ?? new Uint8Array()).entries.length, 1);
    assert.equal(spendAll(filter, by("u")), 4);
    assert.equal(filter.when(by("u")).grew(FAILURES), 0);
  });
}

test("without a table all requests fail by failureMode, until there is one", (given) => {
  for (const failureMode of ["allow", "deny"]) {
    const filter = given({ quotas: [] });
    const fault = filter.proxy.faults.fail("random_get", 1);
    assert.equal(filter.update({ failureMode, quotas: [Q] }), undefined);
    assert.equal(filter.send(by("u")).status, failureMode === "allow" ? 200 : 503);
    fault.remove();
    filter.tick();
    assert.equal(spendAll(filter, by("u")), 5);
  }
});

test("without a clock requests fail by failureMode and charge nothing", (given) => {
  const filter = given({ failureMode: "deny", quotas: [Q] });
  const fault = filter.proxy.faults.fail("clock_time_get", Status.BadArgument);
  const { seen, grew } = filter.when(by("u"));
  assert.deepEqual([seen.status, grew(DECISIONS, { decision: "failed" })], [503, 1]);
  fault.remove();
  assert.equal(spendAll(filter, by("u")), 5);
});

test("a value of another plugin where the table's key should be fails the store, never splits it", (given) => {
  for (const value of [
    new Uint8Array(),
    new Uint8Array(24),
    new Uint8Array(24).fill(1),
    Buffer.alloc(24, 0xff),
  ]) {
    const first = given({});
    first.proxy.sharedData.set("", "tg1:h", value);
    assert.equal(first.update({ failureMode: "deny", quotas: [Q] }), undefined);
    const { seen, grew } = first.when(by("u"));
    assert.deepEqual(
      [seen.status, grew(FAILURES, { reason: "store" }) > 0],
      [503, true],
      String(value.length),
    );
  }
});

test("memory that the host cannot place a slot in is a failure of the store", (given) => {
  const filter = given({ failureMode: "deny", quotas: [Q] });
  filter.send(by("u"));
  filter.tick();
  filter.proxy.faults.fail("malloc", 0, { nth: 2 });
  const { seen, grew } = filter.when(by("u"));
  assert.deepEqual([seen.status, grew(FAILURES, { reason: "store" })], [503, 1]);
});

test("headers that can't be read are a failure of the filter: deny refuses, allow and observe let pass", (given) => {
  const statusWith = (configuration: object): number | undefined => {
    const filter = given({ quotas: [{ name: "q", limit: 1, window: "1h" }], ...configuration });
    filter.proxy.faults.fail("proxy_get_header_map_pairs", Status.InternalFailure, { times: 1 });
    return filter.send(by("u")).status;
  };
  assert.equal(statusWith({ failureMode: "deny" }), 503);
  assert.equal(statusWith({ failureMode: "deny", quotas: [] }), 503);
  assert.equal(statusWith({ failureMode: "deny", mode: "observe" }), 200);
  assert.equal(statusWith({ failureMode: "allow" }), 200);
});
