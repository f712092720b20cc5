import assert from "node:assert/strict";
import { test } from "./lib/cases.ts";
import type { Filter, Outcome } from "./lib/filter.ts";

const STAGES = { stages: { values: ["db", "risk.check", "match"] } };

function answered(filter: Filter, timing: string | readonly string[]): Outcome {
  return filter.when({ upstream: { headers: { "server-timing": timing } } });
}

/** Stage durations of one response by stage, and how many elements were malformed. */
function read(filter: Filter, timing: string | readonly string[]): { [stage: string]: number[] } {
  const counts = new Map(
    filter.proxy.stats.series("trading_stage_duration_us").map((one) => [one.fullName, one.value]),
  );
  const { grew } = answered(filter, timing);
  const stages = filter.proxy.stats
    .series("trading_stage_duration_us")
    .map(({ fullName, labels, values }) => {
      return [labels["stage"] ?? "", values.slice(counts.get(fullName) ?? 0)] as const;
    });
  const fresh = stages.filter(([, values]) => values.length > 0);
  const malformed = grew("tickgate_failures_total", { reason: "server_timing" });
  return Object.fromEntries(malformed === 0 ? fresh : [...fresh, ["malformed", [malformed]]]);
}

type Reading = readonly [string, Record<string, number[]>];

const GRAMMATICAL: readonly Reading[] = [
  ["db;dur=53", { db: [53_000] }],
  ["db;dur=53.2", { db: [53_200] }],
  ["db;dur=0.0005", { db: [0] }],
  ["db;dur=1.23456789", { db: [1234] }],
  ["db;dur=0", { db: [0] }],
  ["db;dur=1, match;dur=2", { db: [1000], match: [2000] }],
  ["db;dur=1,db;dur=2", { db: [1000, 2000] }],
  ["db; dur = 1 ;desc=x", { db: [1000] }],
  [" \t db\t;\tdur=1 \t", { db: [1000] }],
  [`db;desc="a, b; dur=9";dur=1`, { db: [1000] }],
  [`db;desc="say \\"x, match;dur=3\\"";dur=1`, { db: [1000] }],
  [`db;dur="1.5"`, { db: [1500] }],
  ["risk.check;dur=1", { risk_check: [1000] }],
  ["db;dur=1;dur=2", { db: [1000] }],
  ["db", {}],
  ["db;desc=cold", {}],
  ["miss;dur=1, DB;dur=1", {}],
  [",, db;dur=1,,", { db: [1000] }],
  ["", {}],
  ["!#$%&'*+-.^_`|~09azAZ;dur=1, db;dur=1", { db: [1000] }],
];

test("stages of the allow-list are recorded in microseconds", (given) => {
  const filter = given(STAGES);
  for (const [timing, wanted] of GRAMMATICAL) assert.deepEqual(read(filter, timing), wanted, timing);
});

const MALFORMED: readonly Reading[] = [
  ["db;dur=", { malformed: [1] }],
  ["db;dur", { malformed: [1] }],
  ["db;", { malformed: [1] }],
  ["db;=1", { malformed: [1] }],
  [";dur=1", { malformed: [1] }],
  ["db dur=1", { malformed: [1] }],
  ["db=1", { malformed: [1] }],
  ["db;dur=-1", { malformed: [1] }],
  ["db;dur=1e3", { malformed: [1] }],
  ["db;dur=1.2.3", { malformed: [1] }],
  ["db;dur=.", { malformed: [1] }],
  ["db;dur=abc", { malformed: [1] }],
  ["db;dur=1x", { malformed: [1] }],
  ["db;dur=1 2", { malformed: [1] }],
  [`db;desc="open;dur=1`, { malformed: [1] }],
  [`db;desc="open\\`, { malformed: [1] }],
  ["d\u00e9;dur=1", { malformed: [1] }],
  ["db;dur=x, match;dur=2", { malformed: [1], match: [2000] }],
  [`"db", match;dur=2, db;dur=/`, { malformed: [2], match: [2000] }],
];

test("what breaks the grammar is counted, and the rest is read", (given) => {
  const filter = given(STAGES);
  for (const [timing, wanted] of MALFORMED) assert.deepEqual(read(filter, timing), wanted, timing);
});

test("several copies of the header are one list", (given) => {
  const filter = given(STAGES);
  assert.deepEqual(read(filter, ["db;dur=1", "match;dur=2", "db;dur=3"]), {
    db: [1000, 3000],
    match: [2000],
  });
});

test("a duration has a cap, and a header has one", (given) => {
  const filter = given(STAGES);
  const huge = read(filter, `db;dur=${"9".repeat(400)}`);
  assert.ok((huge["db"]?.[0] ?? 0) <= 86_400_001_000, JSON.stringify(huge));
  const many = Array.from({ length: 5000 }, () => "db;dur=1").join();
  assert.ok((read(filter, many)["db"]?.length ?? 0) <= 64);
});

test("without stages nothing is read", (given) => {
  const { grew } = answered(given(), "db;dur=1, broken;");
  assert.deepEqual([grew("trading_stage_duration_us"), grew("tickgate_failures_total")], [0, 0]);
});

const RULES = { operations: [{ name: "quote", path: "/quote" }], dimensions: [] };

function lagOf(filter: Filter, stamp: string | readonly string[]): Outcome {
  return filter.when({ path: "/quote", upstream: { headers: { "x-market-timestamp": stamp } } });
}

function nowMicros(filter: Filter): bigint {
  return filter.proxy.clock.wallNanos / 1000n;
}

test("the age of market data is recorded by operation", (given) => {
  const filter = given(RULES);
  const { grew } = lagOf(filter, String(nowMicros(filter) - 1500n));
  assert.equal(grew("trading_market_data_lag_us", { operation: "quote" }), 1);
  assert.equal(grew("tickgate_failures_total"), 0);
  lagOf(filter, String(nowMicros(filter)));
  lagOf(filter, "0");
  const values = filter.proxy.stats.values("trading_market_data_lag_us");
  assert.deepEqual(values.slice(0, 2), [1500, 0]);
  assert.equal(values[2], Number(nowMicros(filter) - 500_000n));
});

test("data of the future has lag 0 and is a failure of the clock", (given) => {
  const filter = given(RULES);
  const { grew } = lagOf(filter, String(nowMicros(filter) + 1n));
  assert.deepEqual(filter.proxy.stats.values("trading_market_data_lag_us"), [0]);
  assert.equal(grew("tickgate_failures_total", { reason: "clock" }), 1);
});

test("a timestamp that is no number, or is there twice, is counted and not recorded", (given) => {
  const filter = given(RULES);
  for (const stamp of ["", "x", "-1", "1.5", "0x10", " 1", "9".repeat(19), ["1", "1"]]) {
    const { grew } = lagOf(filter, stamp);
    assert.equal(grew("tickgate_failures_total", { reason: "market_timestamp" }), 1, String(stamp));
    assert.equal(grew("trading_market_data_lag_us"), 0);
  }
});

test("the header may have another name; a response without it has no lag", (given) => {
  const filter = given({ headers: { marketTimestamp: "X-As-Of" } });
  const outcome = filter.when({ upstream: { headers: { "x-as-of": "1" } } });
  assert.equal(outcome.grew("trading_market_data_lag_us"), 1);
  assert.equal(lagOf(filter, "1").grew("trading_market_data_lag_us"), 0);
});

test("market data is as old as it is when the response's headers come, however long the body takes", (given) => {
  const filter = given(RULES);
  // The first response shows that there is market data; it alone is timed at its end.
  lagOf(filter, String(nowMicros(filter)));
  const stream = filter.plugin.worker().stream();
  stream.requestHeaders({ ":method": "GET", ":path": "/quote" });
  stream.upstreamReady();
  stream.responseHeaders({ ":status": "200", "x-market-timestamp": String(nowMicros(filter) - 700n) });
  filter.proxy.advance(60_000);
  stream.end();
  filter.tick();
  assert.deepEqual(filter.proxy.stats.values("trading_market_data_lag_us"), [0, 700]);
});

test("market data that comes late, when callers have filled all room, still has a series", (given) => {
  const filter = given({ ...RULES, dimensions: undefined, metrics: { maxSeries: 120, durationLabels: [] } });
  for (let i = 0; i < 400; i++)
    filter.send({ headers: { "x-trading-symbol": `s${i % 50}`, "x-order-type": `t${i % 50}` } });
  filter.tick(2);
  assert.equal(lagOf(filter, "1").grew("trading_market_data_lag_us"), 1);
});
