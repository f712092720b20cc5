import assert from "node:assert/strict";
import { test } from "node:test";
import type { Config } from "../../scripts/lib/config/types.ts";
import { renderSloRules, sloGroups } from "../../scripts/lib/slo.ts";

// What the rules do to real series is tested by promtool in tests/prometheus/slo.test.ts.

const config: Config = {
  operations: [{ name: "quote" }],
  budgets: [
    { name: "order-placement", limit: "800us" },
    { name: "quotes", limit: "200us" },
  ],
};

function thresholds(name: string, all: number, budgets?: ReadonlyMap<string, number>): string[] {
  const group = sloGroups(config, { all, ...(budgets && { budgets }) }).find((one) =>
    one.name.endsWith(name),
  );
  return (group?.rules ?? []).flatMap(({ alert, expr }) => {
    const [, threshold] = / > (\S+) and /.exec(expr) ?? [];
    return alert === undefined || threshold === undefined ? [] : [`${alert} ${threshold}`];
  });
}

function groupNames(of: Config): string[] {
  return sloGroups(of, { all: 99.9 }).map(({ name }) => name);
}

test("four windows for every budget, each with its objective", () => {
  assert.deepEqual(thresholds("quotes", 99.9), [
    "TickgateBudgetBurn1h 0.0144",
    "TickgateBudgetBurn6h 0.006",
    "TickgateBudgetBurn1d 0.003",
    "TickgateBudgetBurn3d 0.001",
  ]);
  const own = new Map([["order-placement", 99]]);
  assert.equal(thresholds("order-placement", 99.9, own)[0], "TickgateBudgetBurn1h 0.144");
  assert.equal(thresholds("quotes", 99.9, own)[0], "TickgateBudgetBurn1h 0.0144");
});

test("orders have a success rate where they can be seen", () => {
  assert.deepEqual(groupNames({}), ["tickgate-orders"]);
  assert.deepEqual(groupNames({ operations: [{ name: "place_order" }] }), ["tickgate-orders"]);
  assert.deepEqual(groupNames({ operations: [{ name: "quote" }] }), []);
});

test("an objective of no budget, or one no alert can keep, is refused", () => {
  assert.throws(() => sloGroups(config, { all: 99.9, budgets: new Map([["other", 99]]) }), /no budget other/);
  for (const all of [0, 50, 94.9, 100, NaN]) assert.throws(() => sloGroups(config, { all }), /95\.\.99\.999/);
});

test("the rule file has no references that a reader would have to follow", () => {
  assert.doesNotMatch(renderSloRules(config, { all: 99.9 }), /[&*]a\d/);
});
