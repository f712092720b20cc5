import assert from "node:assert/strict";
import { test } from "./lib/cases.ts";

const PUBLISHING = {
  operations: [{ name: "place_order", method: "POST" }],
  dimensions: [
    { label: "symbol", header: "x-trading-symbol", case: "upper", maxValues: 1 },
    { label: "order_type", header: "x-order-type", values: ["limit"] },
  ],
  metrics: { filterState: true },
};

test("filter state tells label values, operation and verdict", (given) => {
  const filter = given(PUBLISHING);
  const headers = { "x-trading-symbol": "btc.usd", "x-order-type": "limit" };
  const { seen } = filter.when({ method: "POST", headers, upstream: { status: 404 } });
  assert.deepEqual(seen.filterState, {
    "wasm.trading_symbol": "BTC_USD",
    "wasm.trading_order_type": "limit",
    "wasm.trading_operation": "place_order",
    "wasm.trading_verdict": "client_error",
  });
});

test("it is capped as the labels are", (given) => {
  const filter = given(PUBLISHING);
  filter.when({ headers: { "x-trading-symbol": "a" } });
  const { seen, labels } = filter.when({ headers: { "x-trading-symbol": "b", "x-order-type": "stop" } });
  assert.deepEqual(seen.filterState, {
    "wasm.trading_symbol": "other",
    "wasm.trading_order_type": "other",
    "wasm.trading_operation": "other",
    "wasm.trading_verdict": "ok",
  });
  assert.deepEqual([labels["symbol"], labels["order_type"]], ["other", "other"]);
});

test("a value without a header is none", (given) => {
  const { filterState } = given({ metrics: { filterState: true } }).when().seen;
  assert.equal(filterState["wasm.trading_symbol"], "none");
  assert.equal(filterState["wasm.trading_operation"], "none");
});

test("the verdict is told as soon as it is known, for spans are read before the log", (given) => {
  const stream = given(PUBLISHING).plugin.worker().stream();
  stream.requestHeaders({ ":method": "POST", "x-trading-symbol": "BTC" });
  assert.equal(stream.observe().filterState["wasm.trading_symbol"], "BTC");
  assert.equal(stream.observe().filterState["wasm.trading_verdict"], "aborted");
  stream.upstreamReady();
  stream.responseHeaders({ ":status": "503" });
  assert.equal(stream.observe().filterState["wasm.trading_verdict"], "server_error");
  assert.equal(stream.end().filterState["wasm.trading_verdict"], "server_error");
});

test("a stream that an earlier filter answered has it too", (given) => {
  const filter = given(PUBLISHING);
  filter.when({ headers: { "x-trading-symbol": "BTC" } });
  const { seen } = filter.when({
    method: "POST",
    headers: { "x-trading-symbol": "btc" },
    earlyReply: { status: 403 },
  });
  assert.deepEqual(seen.filterState, {
    "wasm.trading_symbol": "BTC",
    "wasm.trading_order_type": "none",
    "wasm.trading_operation": "place_order",
    "wasm.trading_verdict": "client_error",
  });
});

test("by default there is none, and no host call for it", (given) => {
  const { seen } = given().when();
  assert.deepEqual(seen.filterState, {});
  assert.equal(seen.calls.of("proxy_set_property"), 0);
});

test("a variable that is empty holds no key: users are not hashed under what everybody knows", (given) => {
  const configuration = { metrics: { filterState: true }, identity: { logKeyEnv: "KEY" } };
  const stateWith = (KEY: string): unknown =>
    given(configuration, { env: { KEY } }).when({ headers: { "x-user-id": "u" } }).seen.filterState[
      "wasm.trading_user"
    ];
  assert.equal(stateWith(""), undefined);
  assert.match(String(stateWith("k")), /^[0-9a-f]{16}$/);
});
