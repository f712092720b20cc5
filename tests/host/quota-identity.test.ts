import assert from "node:assert/strict";
import { test } from "./lib/cases.ts";
import { by, from, spendAll, statuses } from "./lib/quotas.ts";
import type { Sent } from "./lib/traffic.ts";

const GATEWAY = "spiffe://cluster.local/ns/trading/sa/gateway";
const STRANGER = "spiffe://cluster.local/ns/other/sa/stranger";
const TWO = { quotas: [{ name: "q", limit: 2 }] };
const REJECT = { identity: { anonymous: "reject" } };

test("every user has a bucket of its own", (given) => {
  const filter = given(TWO);
  assert.deepEqual([spendAll(filter, by("a")), spendAll(filter, by("b"))], [2, 2]);
  assert.deepEqual([spendAll(filter, by("A")), spendAll(filter, by("a"))], [2, 0]);
});

const NOBODY: Readonly<Record<string, Sent>> = {
  "no header": {},
  "an empty header": by(""),
  "257 bytes": by("x".repeat(257)),
  "a comma": by("a,b"),
  "two copies": { headers: { "x-user-id": ["a", "a"] } },
  "two copies in two cases": {
    headers: [
      ["x-user-id", "a"],
      ["X-User-Id", "b"],
    ],
  },
};

for (const [name, sent] of Object.entries(NOBODY)) {
  test(`${name}: nobody is identified`, (given) => {
    assert.equal(given({ ...TWO, ...REJECT }).send(sent).status, 401);
    const shared = given(TWO);
    assert.equal(spendAll(shared, sent), 2);
    assert.equal(spendAll(shared, {}), 0);
    assert.equal(spendAll(shared, by("a")), 2);
    const exempt = given({ ...TWO, identity: { anonymous: "exempt" } });
    assert.equal(spendAll(exempt, sent, 10), 10);
  });
}

test("256 bytes are a user, and none is cut short into another", (given) => {
  const filter = given({ ...TWO, ...REJECT });
  const long = "x".repeat(255);
  assert.deepEqual([spendAll(filter, by(`${long}a`)), spendAll(filter, by(`${long}b`))], [2, 2]);
});

test("a user in bytes that are no text is a user like any other", (given) => {
  const filter = given({ ...TWO, ...REJECT });
  for (const byte of [0x80, 0x81]) {
    assert.equal(spendAll(filter, { headers: { "x-user-id": Uint8Array.of(0xff, byte) } }), 2);
  }
});

test("sources are asked in their order; one that is there but bad ends the search", (given) => {
  const sources = [{ header: "x-jwt-sub" }, { header: "x-user-id" }, { peer: "spiffe" }];
  const filter = given({ quotas: TWO.quotas, identity: { sources, anonymous: "reject" } });
  assert.equal(spendAll(filter, by("a", { "x-jwt-sub": "j" })), 2);
  assert.equal(spendAll(filter, by("b", { "x-jwt-sub": "j" })), 0);
  assert.equal(spendAll(filter, by("a")), 2);
  for (const bad of ["", "a,b", "x".repeat(257)])
    assert.equal(filter.send(by("c", { "x-jwt-sub": bad })).status, 401);
  assert.equal(filter.send(by("c", { "x-jwt-sub": ["j", "j"] })).status, 401);
  assert.equal(spendAll(filter, from(GATEWAY, {})), 2);
  assert.equal(spendAll(filter, from(STRANGER, {})), 2);
  assert.equal(filter.send({}).status, 401);
});

test("the same bytes in another source are another user", (given) => {
  const sources = [{ header: "x-user-id" }, { peer: "spiffe" }];
  const filter = given({ quotas: TWO.quotas, identity: { sources } });
  assert.equal(spendAll(filter, by(GATEWAY)), 2);
  assert.equal(spendAll(filter, from(GATEWAY, {})), 2);
});

const TRUSTING = {
  trustedPeers: [GATEWAY],
  operations: [{ name: "place_order", method: "POST", path: "/orders" }, { name: "quote" }],
  quotas: [
    {
      name: "q",
      limit: 4,
      tiers: { gold: { limit: 40 } },
      cost: { header: "x-cost", max: 4 },
    },
  ],
};

test("an untrusted peer is charged itself, whoever it says it is", (given) => {
  const filter = given({ trustedPeers: [GATEWAY], quotas: TWO.quotas });
  assert.equal(spendAll(filter, from(STRANGER, by("victim"))), 2);
  assert.equal(spendAll(filter, from(STRANGER, by("another"))), 0);
  assert.equal(spendAll(filter, from(GATEWAY, by("victim"))), 2);
  assert.equal(spendAll(filter, by("victim")), 2, "no peer at all: nobody's bucket");
  assert.equal(spendAll(filter, {}), 0);
});

test("an untrusted peer chooses neither tier nor cost nor operation", (given) => {
  const filter = given(TRUSTING);
  const gold = by("u", { "x-user-tier": "gold", "x-cost": "1" });
  assert.equal(spendAll(filter, from(STRANGER, gold)), 1);
  assert.equal(spendAll(filter, from(GATEWAY, gold)), 40);
  const scoped = given({ ...TRUSTING, quotas: [{ name: "q", limit: 2, operations: ["quote"] }] });
  const quoting = by("u", { "x-trading-operation": "quote" });
  assert.equal(spendAll(scoped, from(STRANGER, quoting), 10), 10);
  assert.equal(spendAll(scoped, from(GATEWAY, quoting)), 2);
});

test("with anonymous reject, a caller without a peer is refused only where a key names the user", (given) => {
  const filter = given({
    ...REJECT,
    operations: [{ name: "place_order", method: "POST", path: "/orders" }],
    quotas: [
      { name: "orders", limit: 2, operations: ["place_order"] },
      { name: "all", key: [], limit: 100 },
    ],
  });
  assert.equal(filter.send({ method: "POST", path: "/orders" }).status, 401);
  assert.equal(filter.send({}).status, 200);
  const { seen, labels } = filter.when({ method: "POST", path: "/orders" });
  assert.equal(seen.response.headers?.get("www-authenticate"), 'Bearer realm="tickgate"');
  assert.equal(labels["result"], "unidentified");
});

test("a shadow quota never asks who it is; observe lets everybody pass", (given) => {
  const shadow = given({ ...REJECT, quotas: [{ name: "q", limit: 2, mode: "shadow" }] });
  assert.deepEqual(statuses(shadow, [{}, {}, {}]), [200, 200, 200]);
  const observe = given({ ...REJECT, ...TWO, mode: "observe" });
  assert.deepEqual(statuses(observe, [{}, {}, {}]), [200, 200, 200]);
});
