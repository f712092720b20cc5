import { releasePlan } from "../../../assembly/config/compile";
import { ANONYMOUS_SHARED, CASE_KEEP, PART_OPERATION, Plan } from "../../../assembly/config/plan";
import { decoded } from "../sample";
import { compiled, header } from "./compiled";

function expectDefaults(plan: Plan): void {
  expect(plan.observe || plan.failureDeny || plan.filterState || plan.operationsConfigured).toBe(false);
  expect(plan.trustAll).toBe(true);
  expect(plan.trustedPeerCount).toBe(0);
  expect(plan.anonymous).toBe(ANONYMOUS_SHARED);
  expect(header(plan, plan.operationHeader)).toBe("x-trading-operation");
  expect(header(plan, plan.tierHeader)).toBe("x-user-tier");
  expect(header(plan, plan.budgetHeader)).toBe("x-latency-budget-us");
  expect(decoded(plan.marketTimestamp, plan.marketTimestampLength)).toBe("x-market-timestamp");
  expect(plan.sourceCount).toBe(1);
  expect(header(plan, load<u8>(plan.sources))).toBe("x-user-id");
  expect(plan.logKeyEnvLength).toBe(0);
  expect(plan.operationCount + plan.quotaCount + plan.budgetCount + plan.stageCount).toBe(0);
  expect(plan.maxSeries).toBe(2000);
  expect(plan.durationLabelCount).toBe(1);
  expect(load<u8>(plan.durationLabels)).toBe(PART_OPERATION);
  expect(plan.storeCapacity).toBe(100_000);
  expect(plan.violationsPerSecond).toBe(0);
}

function expectDimension(plan: Plan, index: u32, label: string, name: string): void {
  const dimension = plan.dimensionAt(index);
  expect(decoded(dimension.label, dimension.labelLength)).toBe(label);
  expect(header(plan, dimension.header)).toBe(name);
  expect(dimension.letterCase).toBe(CASE_KEEP);
  expect(dimension.valueCount).toBe(0);
  expect(dimension.maxValues).toBe(100);
  expect(dimension.newValuesPerMinute).toBe(60);
}

describe("an empty configuration", () => {
  test("has the defaults, as no bytes and as an empty object", () => {
    for (let i = 0; i < 2; i++) {
      const plan = compiled(i == 0 ? "" : "{}");
      expectDefaults(plan);
      expect(plan.dimensionCount).toBe(4);
      expectDimension(plan, 0, "symbol", "x-trading-symbol");
      expectDimension(plan, 1, "order_type", "x-order-type");
      expectDimension(plan, 2, "strategy_id", "x-strategy-id");
      expectDimension(plan, 3, "venue", "x-execution-venue");
      expect(plan.headerCount).toBe(8);
      releasePlan(plan);
    }
  });

  test("of members has the same, but for the lists it empties", () => {
    const members =
      '"headers":{},"identity":{},"stages":{},"metrics":{},"store":{},"quotas":[],"budgets":[],"violationLog":{}';
    const plan = compiled(`{"dimensions":[],${members}}`);
    expectDefaults(plan);
    expect(plan.dimensionCount).toBe(0);
    expect(plan.headerCount).toBe(4);
    releasePlan(plan);
  });

  test("lists are not their defaults", () => {
    const plan = compiled('{"trustedPeers":[],"operations":[],"metrics":{"durationLabels":[]}}');
    expect(plan.trustAll).toBe(false);
    expect(plan.trustedPeerCount).toBe(0);
    expect(plan.operationsConfigured).toBe(true);
    expect(plan.durationLabelCount).toBe(0);
    releasePlan(plan);
  });
});
