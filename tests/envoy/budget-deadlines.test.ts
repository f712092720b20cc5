import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { startBudgets, type BudgetGateway } from "./lib/budget-gateway.ts";
import { Client } from "./lib/client.ts";

// The caller's budget: read, tightened, passed on.

const limitMicros = 2_000_000;
const budget = { name: "b", limit: `${limitMicros}us`, announce: true };
const header = "x-latency-budget-us";

function start(t: TestContext, fields: object = {}, more: object = {}): Promise<BudgetGateway> {
  return startBudgets(t, { configuration: { budgets: [{ ...budget, ...fields }], ...more } });
}

/** The value of a header as the upstream received it, of the request before. */
async function received(gateway: BudgetGateway, name: string): Promise<string[]> {
  const [visit] = (await gateway.service.takeVisits()).slice(-1);
  const raw = visit?.headers ?? [];
  return raw.flatMap((one, index) =>
    index % 2 === 0 && one.toLowerCase() === name ? [raw[index + 1] ?? ""] : [],
  );
}

test("what is left goes to the upstream, never more than the operator's limit", async (t) => {
  const gateway = await start(t, { propagate: true });
  const client = new Client(t, gateway.port);
  const most: readonly (readonly [Record<string, string>, number])[] = [
    [{}, limitMicros],
    [{ [header]: "500000" }, 500_000],
    [{ [header]: "9000000" }, limitMicros],
    [{ "grpc-timeout": "300m" }, 300_000],
    [{ "grpc-timeout": "1S", [header]: "400000" }, 400_000],
    [{ "grpc-timeout": "9H" }, limitMicros],
    // Not numbers, or beyond a day: ignored.
    [{ [header]: "garbage" }, limitMicros],
    [{ [header]: "-5" }, limitMicros],
    [{ [header]: "1.5" }, limitMicros],
    [{ [header]: "99999999999999999999999" }, limitMicros],
    [{ [header]: "86400000001" }, limitMicros],
    [{ "grpc-timeout": "5x" }, limitMicros],
    [{ "grpc-timeout": "123456789S" }, limitMicros],
  ];
  for (const [headers, at] of most) {
    assert.equal((await client.send(headers)).status, 200);
    const [value = "", ...others] = await received(gateway, header);
    assert.deepEqual(others, []);
    assert.match(value, /^\d+$/);
    const own = at - Number(value);
    assert.ok(own >= 0 && own < 50_000, `${JSON.stringify(headers)}: ${value} of ${at}`);
  }
  const twice = await client.send({ [header]: ["100", "200"] });
  assert.equal(twice.status, 200);
  const garbage = 8;
  const metrics = await gateway
    .counted("b", most.length + 1)
    .then(() => gateway.envoy.admin.metrics("wasmcustom"));
  assert.equal(metrics.sum("tickgate_failures_total", { reason: "caller_budget" }), garbage);
});

test("nothing is written unless asked: the upstream gets what the caller sent", async (t) => {
  const gateway = await start(t);
  const client = new Client(t, gateway.port);
  await client.send({ [header]: "500000" });
  assert.deepEqual(await received(gateway, header), ["500000"]);
  await client.send({});
  assert.deepEqual(await received(gateway, header), []);
});

test("a caller tightens, and is announced its own limit", async (t) => {
  const gateway = await start(t);
  const client = new Client(t, gateway.port);
  const headers = { [header]: "20000", "x-wait-ms": "60", "x-request-id": "tight" };
  const { headers: replied } = await client.send(headers);
  const seen = await gateway.violation("tight");
  assert.equal(seen.limit, 20_000);
  assert.equal(seen.share, "upstream");
  assert.equal(replied["x-latency-budget"], `b;limit=20000;spent=${seen.spent};over=${seen.spent - 20_000}`);
  const quick = await client.send({ [header]: "1000000" });
  assert.match(String(quick.headers["x-latency-budget"]), /^b;limit=1000000;spent=\d+$/);
});

test("the tightest of those that announce is announced; our own replies say nothing", async (t) => {
  const budgets = [
    { name: "loose", limit: "5s", announce: true },
    { name: "tight", limit: "3s", announce: true },
    { name: "silent", limit: "1us" },
    { name: "shedding", limit: "9s", mode: "shed" },
  ];
  const gateway = await startBudgets(t, { configuration: { budgets } });
  const client = new Client(t, gateway.port);
  const { headers } = await client.send({});
  assert.match(String(headers["x-latency-budget"]), /^tight;limit=3000000;spent=\d+$/);
  const shed = await client.send({ [header]: "0" });
  assert.equal(shed.status, 504);
  assert.equal(shed.headers["x-latency-budget"], undefined);
});

test("an answer of Envoy's own is announced like the upstream's", async (t) => {
  const gateway = await startBudgets(t, { configuration: { budgets: [budget] }, upstreamPort: 1 });
  const { status, headers } = await new Client(t, gateway.port).send({});
  assert.equal(status, 503);
  assert.match(String(headers["x-latency-budget"]), /^b;limit=2000000;spent=\d+$/);
});

/** Routes by the header that `propagate` writes. */
const routes = [
  {
    name: "urgent",
    match: { prefix: "/", headers: [{ name: header, range_match: { start: "1", end: "1000000" } }] },
    route: { cluster: "service" },
  },
  { name: "usual", match: { prefix: "/" }, route: { cluster: "service" } },
];

test("the rewritten header selects the route anew; without propagate nothing does", async (t) => {
  for (const propagate of [true, false]) {
    const configuration = { budgets: [{ ...budget, limit: "900ms", propagate }] };
    const gateway = await startBudgets(t, { configuration, listener: { target: { routes } } });
    const client = new Client(t, gateway.port);
    await client.send({ "x-request-id": "none" });
    await client.send({ "x-request-id": "huge", [header]: "5000000" });
    const selected = [(await gateway.timesOf("none")).line.route, (await gateway.timesOf("huge")).line.route];
    assert.deepEqual(selected, propagate ? ["urgent", "urgent"] : ["usual", "usual"]);
  }
});

test("samples in the log are bounded a second, the counters are not", async (t) => {
  const budgets = [{ name: "b", limit: "1us" }];
  const gateway = await startBudgets(t, { configuration: { budgets, violationLog: { perSecond: 3 } } });
  const client = new Client(t, gateway.port, 4);
  const begun = performance.now();
  await Promise.all(Array.from({ length: 200 }, () => client.send({})));
  const seconds = Math.floor((performance.now() - begun) / 1000) + 2;
  assert.equal(
    Object.values(await gateway.counted("b", 200)).reduce((a, b) => a + b, 0),
    200,
  );
  const lines = gateway.violations().length;
  assert.ok(lines >= 3 && lines <= 3 * seconds, `${lines} lines in at most ${seconds} seconds`);
});

test("a sample names the request, and a request id cannot forge a line", async (t) => {
  const configuration = {
    budgets: [{ name: "b", limit: "1us" }],
    operations: [{ name: "quote" }],
  };
  const gateway = await startBudgets(t, { configuration });
  const client = new Client(t, gateway.port);
  const id = `a b\t${"x".repeat(80)}`;
  await client.send({ "x-request-id": id, "x-trading-symbol": "BTC-USD", "x-trading-operation": "quote" });
  await gateway.counted("b", 1);
  const [seen] = gateway.violations();
  assert.match(seen?.line ?? "", / operation=quote symbol=BTC-USD order_type=none .* attempts=1 request_id=/);
  assert.equal(seen?.id, `a_b_${"x".repeat(60)}`);
});
