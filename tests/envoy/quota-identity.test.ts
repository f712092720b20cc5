import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { startMesh, type Mesh } from "./lib/mutual-tls.ts";
import type { RawHeaders } from "./lib/raw.ts";

// Whom we believe: real mutual TLS between two Envoys, certificates made by the test.

const gateway = "spiffe://mesh.test/ns/edge/sa/gateway";
const intruder = "spiffe://mesh.test/ns/dev/sa/intruder";
/** Three at once, and no token comes back while a test runs. */
const slow = { limit: 1, window: "1h", burst: 3 };
const perUser = { name: "per-user", key: ["user"], ...slow };

function start(t: TestContext, configuration: object): Promise<Mesh> {
  return startMesh(
    t,
    { gateway, intruder },
    { configuration: { trustedPeers: [gateway], ...configuration } },
  );
}

/** How many of some equal requests pass. */
async function passed(mesh: Mesh, peer: string, headers: RawHeaders, count = 8): Promise<number> {
  let ok = 0;
  for (let i = 0; i < count; i++) {
    const { status } = await mesh.as(peer, headers);
    assert.ok(status === 200 || status === 429, `status ${status}`);
    if (status === 200) ok += 1;
  }
  return ok;
}

test("a spoofed user is not charged to the victim", async (t) => {
  const mesh = await start(t, { quotas: [perUser] });
  assert.equal(await passed(mesh, "intruder", [["x-user-id", "victim"]]), 3);
  // Whatever it calls itself, the intruder is one user: itself.
  assert.equal(await passed(mesh, "intruder", [["x-user-id", "another"]]), 0);
  assert.equal(await passed(mesh, "gateway", [["x-user-id", "victim"]]), 3);
  // A header cannot spell a peer: this user is somebody else than the peer of that name.
  assert.equal(await passed(mesh, "gateway", [["x-user-id", intruder]]), 3);
});

test("who presents no certificate is nobody, whatever the header says", async (t) => {
  const mesh = await start(t, { quotas: [perUser] });
  assert.equal(await passed(mesh, "nobody", [["x-user-id", "victim"]]), 3);
  assert.equal(await passed(mesh, "nobody", [["x-user-id", gateway]]), 0);
  assert.equal(await passed(mesh, "gateway", [["x-user-id", "victim"]]), 3);
  assert.equal(await passed(mesh, "intruder", []), 3);
});

test("nobody is refused where the configuration says so", async (t) => {
  const mesh = await start(t, { identity: { anonymous: "reject" }, quotas: [perUser] });
  assert.equal((await mesh.as("nobody", [["x-user-id", "victim"]])).status, 401);
  assert.equal((await mesh.as("intruder", [["x-user-id", "victim"]])).status, 200);
});

test("an untrusted tier buys nothing", async (t) => {
  const tiers = { gold: { limit: 1, window: "1h", burst: 6 } };
  const mesh = await start(t, { quotas: [{ ...perUser, tiers }] });
  assert.equal(await passed(mesh, "intruder", [["x-user-tier", "gold"]]), 3);
  assert.equal(
    await passed(mesh, "gateway", [
      ["x-user-id", "rich"],
      ["x-user-tier", "gold"],
    ]),
    6,
  );
  assert.equal(await passed(mesh, "gateway", [["x-user-id", "poor"]]), 3);
});

test("an untrusted cost is the most it may be", async (t) => {
  const cost = { header: "x-order-count", max: 3 };
  const mesh = await start(t, { quotas: [{ ...perUser, cost }] });
  assert.equal(await passed(mesh, "intruder", [["x-order-count", "1"]]), 1);
  assert.equal(
    await passed(mesh, "gateway", [
      ["x-user-id", "u"],
      ["x-order-count", "1"],
    ]),
    3,
  );
});

test("an untrusted operation is none", async (t) => {
  const mesh = await start(t, {
    operations: [{ name: "place_order", method: "POST", path: "/orders" }, { name: "quote" }],
    quotas: [{ ...perUser, operations: ["quote"] }],
  });
  const quote: RawHeaders = [["x-trading-operation", "quote"]];
  // The quota of quotes is not theirs to spend.
  assert.equal(await passed(mesh, "intruder", quote, 5), 5);
  assert.equal(await passed(mesh, "gateway", [["x-user-id", "u"], ...quote], 5), 3);
  // By rule it is what it is, whoever asks and whatever the header says.
  await mesh.as("intruder", quote, { method: "POST", path: "/orders" });
  const metrics = await mesh.server.counted(11);
  assert.equal(metrics.sum("trading_requests_total", { operation: "quote" }), 5);
  assert.equal(metrics.sum("trading_requests_total", { operation: "place_order" }), 1);
});

test("an untrusted budget spends nothing; dimensions are believed from all", async (t) => {
  const mesh = await start(t, { budgets: [{ name: "b", limit: "10s", mode: "shed", propagate: true }] });
  const spent: RawHeaders = [
    ["x-latency-budget-us", "0"],
    ["grpc-timeout", "0m"],
    ["x-trading-symbol", "BTC-USD"],
  ];
  assert.equal((await mesh.as("intruder", spent)).status, 200);
  assert.equal((await mesh.as("gateway", spent)).status, 504);
  const forwarded = Number(mesh.server.upstream.received[0]?.headers["x-latency-budget-us"]);
  assert.ok(forwarded > 9_000_000 && forwarded <= 10_000_000, `forwarded ${forwarded}`);
  const metrics = await mesh.server.counted(2);
  assert.equal(metrics.sum("trading_budget_violations_total", { share: "arrival" }), 1);
  assert.equal(metrics.sum("trading_requests_total", { symbol: "BTC-USD" }), 2);
});

test("a quota of the peer", async (t) => {
  const mesh = await start(t, { quotas: [{ ...perUser, name: "per-peer", key: ["peer"] }] });
  assert.equal(await passed(mesh, "gateway", [["x-user-id", "a"]], 2), 2);
  assert.equal(await passed(mesh, "gateway", [["x-user-id", "b"]], 5), 1);
  assert.equal(await passed(mesh, "intruder", []), 3);
});

test("trust in anyone: the header is believed from the intruder too, the peer where there is none", async (t) => {
  const sources = [{ header: "x-user-id" }, { peer: "spiffe" }];
  const mesh = await start(t, { trustedPeers: ["*"], identity: { sources }, quotas: [perUser] });
  assert.equal(await passed(mesh, "intruder", [["x-user-id", "victim"]]), 3);
  assert.equal(await passed(mesh, "gateway", [["x-user-id", "victim"]]), 0);
  assert.equal(await passed(mesh, "intruder", []), 3);
  // A header that names nobody does not become the peer.
  assert.equal(await passed(mesh, "intruder", [["x-user-id", "a,b"]]), 3);
  assert.equal(await passed(mesh, "nobody", []), 0);
  const line = /believes the trading headers of anyone/;
  assert.equal(mesh.server.envoy.logs().filter((text) => line.test(text)).length, 1);
});
