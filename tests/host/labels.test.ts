import assert from "node:assert/strict";
import { test } from "./lib/cases.ts";

const SYMBOL = "x-trading-symbol";
const bytes = (...codes: number[]): Uint8Array => Uint8Array.from(codes);

const SPELLINGS: readonly (readonly [string, string | Uint8Array, string])[] = [
  ["letters, digits, - and _ stay", "BTC-USD_2x", "BTC-USD_2x"],
  ["a slash", "BTC/USD", "BTC_USD"],
  ["dots", "1.2.3", "1_2_3"],
  ["a dot", ".", "_"],
  ["spaces inside", "a b\tc", "a_b_c"],
  ["quotes and backslashes", `"a'b\\c"`, "_a_b_c_"],
  ["braces, commas, equals", "{a=b,c}", "_a_b_c_"],
  ["the end of a tag", "x;.;", "x___"],
  ["the middle of a tag", "x=.=y", "x___y"],
  ["a forged label", "x;.;result=.=server_error;.;", "x___result___server_error___"],
  ["UTF-8, a _ a byte", "Zürich", "Z__rich"],
  ["bytes 0x80 and 0xff", bytes(0x80, 0xff, 0x41), "__A"],
  ["control bytes", bytes(0x01, 0x1f, 0x7f), "___"],
  ["one byte", "7", "7"],
  ["64 bytes", "s".repeat(64), "s".repeat(64)],
  ["65 bytes, cut", "s".repeat(65), "s".repeat(64)],
  ["60 kB, cut", "s".repeat(60_000), "s".repeat(64)],
  ["the word none", "none", "none"],
  ["the word other", "other", "other"],
];

test("label values are spelled for stat names", (given) => {
  for (const [what, value, label] of SPELLINGS) {
    const { labels } = given().when({ headers: { [SYMBOL]: value } });
    assert.equal(labels["symbol"], label, what);
  }
});

test("every byte a header may hold gives one byte of label", (given) => {
  const filter = given();
  for (let start = 1; start < 256; start += 51) {
    const codes = Array.from({ length: 51 }, (_, i) => start + i).filter((code) => code < 256);
    const sent = codes.filter((code) => ![0x0a, 0x0d].includes(code));
    const { labels } = filter.when({ headers: { [SYMBOL]: bytes(...sent) } });
    const wanted = String.fromCharCode(...sent).replaceAll(/[^A-Za-z0-9_-]/g, "_");
    assert.equal(labels["symbol"], wanted);
  }
});

test("the stat has the name that the tag regexes of Istio cut up", (given) => {
  const statTags = ["symbol", "order_type", "strategy_id", "venue", "operation", "result"];
  const filter = given(undefined, { statTags });
  const { labels } = filter.when({
    headers: {
      [SYMBOL]: "BTC-USD",
      "x-order-type": "limit",
      "x-strategy-id": "s.1",
      "x-execution-venue": "XNYS",
      "x-trading-operation": "place_order",
    },
  });
  const wanted = {
    symbol: "BTC-USD",
    order_type: "limit",
    strategy_id: "s_1",
    venue: "XNYS",
    operation: "place_order",
    result: "ok",
  };
  assert.deepEqual(labels, wanted);
  const fullName =
    "trading_requests_total.symbol=.=BTC-USD;.;order_type=.=limit;.;strategy_id=.=s_1;.;venue=.=XNYS;.;" +
    "operation=.=place_order;.;result=.=ok;.;";
  assert.equal(filter.proxy.stats.counter(fullName), 1);
});

test("a missing or empty header is none", (given) => {
  const filter = given();
  assert.equal(filter.when().labels["symbol"], "none");
  assert.equal(filter.when({ headers: { [SYMBOL]: "" } }).labels["symbol"], "none");
});

test("two copies of a dimension's header are other, and no overflow", (given) => {
  const duplicates = [
    { [SYMBOL]: ["BTC-USD", "BTC-USD"] },
    { [SYMBOL]: "BTC-USD", "X-Trading-Symbol": "ETH-USD" },
    { "X-TRADING-SYMBOL": ["", "ETH-USD"] },
    { [SYMBOL]: ["a", "b", "c"] },
  ];
  for (const headers of duplicates) {
    const outcome = given().when({ headers });
    assert.equal(outcome.labels["symbol"], "other");
    assert.equal(outcome.grew("tickgate_series_overflow_total"), 0);
  }
});

test("header names are found in any case, those of the configuration too", (given) => {
  const dimensions = [{ label: "desk", header: "X-Desk-Name" }];
  for (const name of ["x-desk-name", "X-DESK-NAME", "X-Desk-Name"]) {
    assert.equal(given({ dimensions }).when({ headers: { [name]: "fx" } }).labels["desk"], "fx");
  }
});

test("case folds ASCII only, before values are told apart", (given) => {
  const of = (letterCase: string) =>
    given({ dimensions: [{ label: "symbol", header: SYMBOL, case: letterCase }] });
  assert.equal(of("upper").when({ headers: { [SYMBOL]: "btc-Usd" } }).labels["symbol"], "BTC-USD");
  assert.equal(of("lower").when({ headers: { [SYMBOL]: "BTC-Usd" } }).labels["symbol"], "btc-usd");
  assert.equal(of("keep").when({ headers: { [SYMBOL]: "BTC-Usd" } }).labels["symbol"], "BTC-Usd");
  const filter = of("upper");
  for (const symbol of ["btc", "BTC", "bTc"]) filter.when({ headers: { [SYMBOL]: symbol } });
  assert.equal(filter.requests({ symbol: "BTC" }), 3);
});

test("an allow-list gives places to its values only", (given) => {
  const filter = given({
    dimensions: [
      { label: "order_type", header: "x-order-type", case: "lower", values: ["Market", "limit", "a.b"] },
    ],
  });
  const cases: [string, string][] = [
    ["market", "market"],
    ["MARKET", "market"],
    ["limit", "limit"],
    ["limit ", "other"],
    ["stop", "other"],
    ["a.b", "a_b"],
    ["a_b", "other"],
    ["l".repeat(65), "other"],
    ["", "none"],
  ];
  for (const [value, label] of cases) {
    const outcome = filter.when({ headers: { "x-order-type": value } });
    assert.equal(outcome.labels["order_type"], label, JSON.stringify(value));
    assert.equal(outcome.grew("tickgate_series_overflow_total"), 0);
  }
  assert.equal(
    filter.when({ headers: { "x-order-type": ["limit", "limit"] } }).labels["order_type"],
    "other",
  );
});

test("one header may give two labels; no dimensions at all are fine", (given) => {
  const filter = given({
    dimensions: [
      { label: "symbol", header: SYMBOL },
      { label: "folded", header: SYMBOL, case: "lower" },
    ],
  });
  const { labels } = filter.when({ headers: { [SYMBOL]: "BTC" } });
  assert.deepEqual([labels["symbol"], labels["folded"]], ["BTC", "btc"]);
  assert.deepEqual(given({ dimensions: [] }).when().labels, { operation: "none", result: "ok" });
});

test("a hundred headers and 60 kB of them are read", (given) => {
  const filler = Array.from({ length: 99 }, (_, i): [string, string] => [`x-filler-${i}`, "f".repeat(600)]);
  const outcome = given().when({ headers: [...filler, [SYMBOL, "BTC-USD"]] });
  assert.equal(outcome.labels["symbol"], "BTC-USD");
  assert.equal(outcome.grew("tickgate_failures_total"), 0);
});
