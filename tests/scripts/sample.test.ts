import assert from "node:assert/strict";
import { test } from "node:test";
import { operationOf, planFor, type Operation } from "../../scripts/sample/behaviour.ts";
import { symbols } from "../../scripts/sample/instruments.ts";
import { SeededRandom } from "../../scripts/sample/random.ts";
import { createTradingService, listen } from "../../scripts/sample/service.ts";
import { tradingTraffic, type TradingRequest } from "../../scripts/sample/traffic-mix.ts";
import { driveTraffic } from "../../scripts/sample/traffic.ts";

function take(seed: number, count: number): TradingRequest[] {
  const traffic = tradingTraffic(seed);
  return Array.from({ length: count }, () => traffic.next().value);
}

const sample = take(1, 20_000);

function share(matches: (request: TradingRequest) => boolean): number {
  return sample.filter(matches).length / sample.length;
}

function operationShare(operation: Operation | undefined): number {
  return share(({ method, path }) => operationOf(method, path) === operation);
}

function symbolShare(matches: (symbol: string | undefined) => boolean): number {
  return share(({ headers }) => matches(headers["x-trading-symbol"]));
}

function about(actual: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected} ± ${tolerance}`);
}

test("the same seed is the same traffic, another is other traffic", () => {
  assert.deepEqual(take(7, 200), take(7, 200));
  assert.notDeepEqual(take(7, 200), take(8, 200));
});

test("the mix of operations", () => {
  about(operationShare("order"), 0.38, 0.02);
  about(operationShare("cancel"), 0.17, 0.02);
  about(operationShare("quote"), 0.33, 0.02);
  about(operationShare("signal"), 0.11, 0.02);
  about(operationShare(undefined), 0.01, 0.005);
});

test("symbols are skewed, and some are junk, in lower case or missing", () => {
  const [first = "", second = ""] = symbols;
  assert.ok(symbolShare((symbol) => symbol === first) > 1.7 * symbolShare((symbol) => symbol === second));
  about(
    symbolShare((symbol) => symbol === undefined),
    0.01,
    0.005,
  );
  about(
    symbolShare((symbol) => symbol !== undefined && /[a-z]/.test(symbol)),
    0.03,
    0.01,
  );
  about(
    symbolShare((symbol) => symbol !== undefined && /^X\d+$/.test(symbol)),
    0.005,
    0.003,
  );
});

test("order types only on orders, iceberg among them", () => {
  const types = new Set(sample.map(({ headers }) => headers["x-order-type"]));
  assert.deepEqual(types, new Set([undefined, "limit", "market", "stop", "stop_limit", "iceberg"]));
  assert.equal(
    share(({ headers, path }) => "x-order-type" in headers !== (path === "/api/v1/orders")),
    0,
  );
});

test("plans: mostly successes, log-normal with a tail, the same for the same seed", () => {
  const random = new SeededRandom(3);
  const plans = Array.from({ length: 20_000 }, () => planFor("order", "BTC-USD", random));
  const delays = plans.map(({ delayMillis }) => delayMillis).toSorted((a, b) => a - b);
  about(delays[10_000] ?? 0, 2.4, 0.1);
  assert.ok((delays[19_950] ?? 0) > 20);
  about(plans.filter(({ status }) => status === 201).length / 20_000, 0.983, 0.005);
  assert.ok(plans.some(({ status }) => status === 0));
  assert.deepEqual(
    planFor("quote", "SPY", new SeededRandom(5)),
    planFor("quote", "SPY", new SeededRandom(5)),
  );
});

test("an unknown symbol is not found", () => {
  const random = new SeededRandom(1);
  const statuses = Array.from({ length: 50 }, () => planFor("quote", "NOPE", random).status);
  assert.ok(statuses.filter((status) => status === 404).length > 45);
});

test("traffic against the service: as many as asked for, answered with timings", async () => {
  const server = createTradingService(1);
  const port = await listen(server, 0);
  try {
    const quote = await fetch(`http://127.0.0.1:${port}/api/v1/quotes/SPY`);
    assert.match(quote.headers.get("server-timing") ?? "", /^book;dur=\d+\.\d{3}$/);
    assert.match(quote.headers.get("x-market-timestamp") ?? "", /^\d{16}$/);
    const { sent, skipped, statuses } = await driveTraffic({ port, perSecond: 500, seed: 1, count: 250 });
    assert.equal(sent + skipped, 250);
    assert.equal(
      [...statuses.values()].reduce((total, count) => total + count, 0),
      sent,
    );
    assert.ok((statuses.get(201) ?? 0) > 50);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
