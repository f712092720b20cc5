import assert from "node:assert/strict";
import { test } from "./lib/cases.ts";
import { by, spendAll } from "./lib/quotas.ts";

const DAY = { name: "q", limit: 100, window: "24h" };

test("a shorter window frees those who were held by the longer one, from an empty bucket", (given) => {
  const filter = given({ quotas: [DAY] });
  assert.equal(spendAll(filter, by("alice")), 100);
  filter.proxy.advance(3_600_000);
  assert.equal(filter.update({ quotas: [{ ...DAY, window: "1s" }] }), undefined);
  assert.equal(filter.send(by("alice")).status, 429);
  filter.proxy.advance(3000);
  assert.equal(spendAll(filter, by("alice")), 100);
});

test("a longer window keeps the debt in time", (given) => {
  const filter = given({ quotas: [{ ...DAY, window: "1s" }] });
  assert.equal(spendAll(filter, by("alice")), 100);
  assert.equal(filter.update({ quotas: [DAY] }), undefined);
  const left = spendAll(filter, by("alice"));
  assert.ok(left >= 98 && left <= 100, `${left}`);
});
