import assert from "node:assert/strict";
import * as fc from "fast-check";
import { test } from "./lib/cases.ts";

const RULES = {
  operations: [
    { name: "place_order", method: "POST", path: "/api/v1/orders" },
    { name: "cancel_order", method: "DELETE", pathPrefix: "/api/v1/orders/" },
    { name: "replay", path: "/api/v1/replay" },
    { name: "preflight", method: "OPTIONS" },
    { name: "admin", pathPrefix: "/admin" },
    { name: "admin_late", path: "/admin/late" },
    { name: "quote" },
  ],
};
const HEADER = "x-trading-operation";

const BY_RULE: readonly (readonly [string, string, string])[] = [
  ["POST", "/api/v1/orders", "place_order"],
  ["POST", "/api/v1/orders?account=7", "place_order"],
  ["POST", "/api/v1/orders?", "place_order"],
  ["POST", "/api/v1/orders#part", "place_order"],
  ["POST", "/api/v1/orders/", "other"],
  ["POST", "/api/v1/order", "other"],
  ["POST", "/api/v1/ordersX", "other"],
  ["POST", "/API/v1/orders", "other"],
  ["GET", "/api/v1/orders", "other"],
  ["post", "/api/v1/orders", "other"],
  ["DELETE", "/api/v1/orders/17", "cancel_order"],
  ["DELETE", "/api/v1/orders/17/fills?x=/admin", "cancel_order"],
  ["DELETE", "/api/v1/orders/", "cancel_order"],
  ["DELETE", "/api/v1/orders", "other"],
  ["PATCH", "/api/v1/replay", "replay"],
  ["OPTIONS", "/anything", "preflight"],
  ["OPTIONS", "*", "preflight"],
  ["GET", "/admin/late", "admin"],
  ["GET", "/administrator", "admin"],
  ["GET", "/", "other"],
  ["GET", "", "other"],
];

test("the first rule that matches names the operation", (given) => {
  const filter = given(RULES);
  for (const [method, path, operation] of BY_RULE) {
    assert.equal(filter.when({ method, path }).labels["operation"], operation, `${method} ${path}`);
  }
});

const SPELLINGS: readonly (readonly [string, string])[] = [
  ["//api//v1///orders", "place_order"],
  ["/./api/./v1/orders", "place_order"],
  ["/x/../api/v1/orders", "place_order"],
  ["/../../api/v1/orders", "place_order"],
  ["/api/v1/orders/x/..", "other"],
  ["/api/v1/x/%2e%2E/orders", "place_order"],
  ["/%61pi/v1/%6F%72ders", "place_order"],
  ["/api/v1/orders%3Fx=1", "other"],
  ["/api/v1/%2561pi", "other"],
  ["/api/v1%2Forders", "other"],
  ["/api/v1%2forders", "other"],
  ["/admin/%2f", "other"],
  ["/admin/%5C", "other"],
  ["/admin/%5c..", "other"],
  ["/admin/%00", "other"],
  ["/admin/%zz%", "admin"],
  ["/admin/%2", "admin"],
  ["/admin?x=%2f%00%5c", "admin"],
  ["/admin/../api/v1/orders", "place_order"],
  ["/api/v1/orders/../../../admin", "admin"],
];

test("paths match in their one spelling; an encoded /, \\ or NUL is other", (given) => {
  const filter = given(RULES);
  for (const [path, operation] of SPELLINGS) {
    assert.equal(filter.when({ method: "POST", path }).labels["operation"], operation, path);
  }
});

/** A letter as it is, or escaped in one of two ways. */
function escape(letter: string, kind: number): string {
  const hex = letter.charCodeAt(0).toString(16);
  return kind === 0 ? letter : `%${kind === 1 ? hex : hex.toUpperCase()}`;
}

/** A segment with any of its letters escaped. */
function segment(text: string): fc.Arbitrary<string> {
  const kinds = fc.array(fc.nat(2), { minLength: text.length, maxLength: text.length });
  return kinds.map((chosen) => Array.from(text, (letter, i) => escape(letter, chosen[i] ?? 0)).join(""));
}

/** Spellings of a path that mean the same. */
function respelled(path: string): fc.Arbitrary<string> {
  const separator = fc.constantFrom("/", "//", "/./", "/x/../", "/%2e/", "/y//%2E./", "/a/b/../../");
  const segments = path.slice(1).split("/");
  return fc
    .tuple(...segments.map((text) => fc.tuple(separator, segment(text))))
    .map((parts) => parts.flat().join(""));
}

test("no spelling of a path dodges its rule", (given) => {
  const filter = given(RULES);
  const property = fc.property(
    respelled("/api/v1/orders"),
    fc.constantFrom("", "?a=b", "#c"),
    (path, tail) => {
      filter.send({ method: "POST", path: path + tail });
    },
  );
  fc.assert(property, { seed: 7, numRuns: 300 });
  filter.tick();
  assert.equal(filter.requests({ operation: "place_order" }), filter.requests());
});

test("the header names operations without rules, and never one that has rules", (given) => {
  const filter = given(RULES);
  const operationOf = (headers: Record<string, string | string[]>, path = "/somewhere") =>
    filter.when({ headers, path }).labels["operation"];
  assert.equal(operationOf({ [HEADER]: "quote" }), "quote");
  for (const name of ["place_order", "admin", "preflight", "undeclared", "Quote", "quote ", ""]) {
    assert.equal(operationOf({ [HEADER]: name }), "other", name);
  }
  assert.equal(operationOf({ [HEADER]: ["quote", "quote"] }), "other");
  assert.equal(operationOf({ [HEADER]: "quote", "X-Trading-Operation": "quote" }), "other");
  assert.equal(operationOf({ [HEADER]: "quote" }, "/admin"), "admin");
});

test("an encoded slash is other whatever the header says", (given) => {
  const filter = given(RULES);
  for (const path of ["/api/v1%2Forders", "/a%5cb", "/%00"]) {
    assert.equal(filter.when({ path, headers: { [HEADER]: "quote" } }).labels["operation"], "other", path);
  }
});

test("operations that are declared empty make everything other", (given) => {
  const filter = given({ operations: [] });
  assert.equal(filter.when({ headers: { [HEADER]: "quote" } }).labels["operation"], "other");
});

test("where operations are not configured the header's values are labels", (given) => {
  const filter = given();
  assert.equal(filter.when({ headers: { [HEADER]: "place.order" } }).labels["operation"], "place_order");
  assert.equal(filter.when().labels["operation"], "none");
  assert.equal(filter.when({ headers: { [HEADER]: "" } }).labels["operation"], "none");
  assert.equal(filter.when({ headers: { [HEADER]: ["a", "b"] } }).labels["operation"], "other");
});

test("there are at most 32 of them", (given) => {
  const filter = given({ dimensions: [] });
  for (let round = 0; round < 12; round++) {
    for (let i = 0; i < 40; i++) filter.send({ headers: { [HEADER]: `op${i}` } });
    filter.tick(120);
  }
  const learned = [...filter.valuesOf("operation")].filter((value) => value.startsWith("op"));
  assert.equal(learned.length, 32);
  assert.ok(filter.metric("tickgate_series_overflow_total", { label: "operation" }) > 0);
  assert.equal(filter.requests(), 480);
});

test("the operation header may have another name", (given) => {
  const filter = given({ ...RULES, headers: { operation: "x-op" } });
  assert.equal(filter.when({ headers: { "x-op": "quote" } }).labels["operation"], "quote");
  assert.equal(filter.when({ headers: { [HEADER]: "quote" } }).labels["operation"], "other");
});

test("from a peer that is not trusted only rules name the operation", (given) => {
  const trusted = "spiffe://cluster.local/ns/trading/sa/gateway";
  const filter = given({ ...RULES, trustedPeers: [trusted] });
  const operationFrom = (uriSanPeerCertificate: string | undefined, path = "/somewhere") =>
    filter.when({
      path,
      headers: { [HEADER]: "quote" },
      connection: uriSanPeerCertificate === undefined ? {} : { uriSanPeerCertificate },
    }).labels["operation"];
  assert.equal(operationFrom(trusted), "quote");
  for (const peer of [undefined, "", "spiffe://cluster.local/ns/trading/sa/gateway2", `${trusted}/`]) {
    assert.equal(operationFrom(peer), "other", peer);
    assert.equal(operationFrom(peer, "/admin"), "admin", peer);
  }
});

test("methods of the same letters are told apart, also by what is remembered of paths", (given) => {
  const filter = given({ operations: [{ name: "four", method: "AAAA", path: "/" }] });
  const operations = ["AAAA", "AAAAA", "AAA", "AAAAAAA", "AAAA"].map(
    (method) => filter.when({ method }).labels["operation"],
  );
  assert.deepEqual(operations, ["four", "other", "other", "other", "four"]);
});
