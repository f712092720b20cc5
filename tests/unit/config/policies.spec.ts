import { releasePlan } from "../../../assembly/config/compile";
import {
  BudgetFilter,
  NO_HEADER,
  PART_OPERATION,
  PART_PEER,
  PART_USER,
  Quota,
  Tier,
} from "../../../assembly/config/plan";
import { decoded } from "../sample";
import { compiled, entry, header, refusal } from "./compiled";

function expectTier(quota: Quota, index: u32, name: string, limit: u64, windowNanos: u64, burst: u64): void {
  const tier = changetype<Tier>(quota.tiers + <usize>index * offsetof<Tier>());
  expect(decoded(tier.name, tier.nameLength)).toBe(name);
  expect(tier.limit).toBe(limit);
  expect(tier.windowNanos).toBe(windowNanos);
  expect(tier.burst).toBe(burst);
}

describe("quotas", () => {
  test("have defaults", () => {
    const plan = compiled('{"quotas":[{"name":"a","limit":5}]}');
    const quota = plan.quotaAt(0);
    expect(decoded(quota.name, quota.nameLength)).toBe("a");
    expect(quota.operations).toBe(u64.MAX_VALUE);
    expect(quota.keyCount).toBe(1);
    expect(load<u8>(quota.key)).toBe(PART_USER);
    expect(quota.tierCount).toBe(1);
    expectTier(quota, 0, "", 5, 1_000_000_000, 5);
    expect(quota.costHeader).toBe(NO_HEADER);
    expect(quota.costMax).toBe(1);
    expect(quota.lease).toBe(1);
    expect(quota.shadow || quota.announce).toBe(false);
    releasePlan(plan);
  });

  test("refer to what stands behind them", () => {
    const plan = compiled(
      '{"quotas":[{"name":"a","operations":["o2","o0"],"key":["peer","desk","operation"],"limit":5}],' +
        '"dimensions":[{"label":"book","header":"x"},{"label":"desk","header":"x"}],' +
        '"operations":[{"name":"o0"},{"name":"o1"},{"name":"o2"}]}',
    );
    const quota = plan.quotaAt(0);
    expect(quota.operations).toBe(5);
    expect(quota.keyCount).toBe(3);
    expect(load<u8>(quota.key)).toBe(PART_PEER);
    expect(load<u8>(quota.key, 1)).toBe(1);
    expect(load<u8>(quota.key, 2)).toBe(PART_OPERATION);
    releasePlan(plan);
  });

  test("give their tiers what these leave out", () => {
    const plan = compiled(
      '{"quotas":[{"name":"a","tiers":{"gold":{"limit":50},"slow":{"burst":40,"window":"1m","limit":3}},' +
        '"window":"10ms","limit":20,"burst":30,"cost":{"max":25,"header":"X-Cost"},"precision":{"lease":16},' +
        '"mode":"shadow","announce":true,"key":[]}]}',
    );
    const quota = plan.quotaAt(0);
    expect(quota.tierCount).toBe(3);
    expectTier(quota, 0, "", 20, 10_000_000, 30);
    expectTier(quota, 1, "gold", 50, 10_000_000, 50);
    expectTier(quota, 2, "slow", 3, 60_000_000_000, 40);
    expect(header(plan, quota.costHeader)).toBe("x-cost");
    expect(quota.costMax).toBe(25);
    expect(quota.lease).toBe(16);
    expect(quota.shadow && quota.announce).toBe(true);
    expect(quota.keyCount).toBe(0);
    releasePlan(plan);
  });

  test("do not share what they told of one another", () => {
    const plan = compiled(
      '{"quotas":[{"name":"a","limit":5,"window":"1h","tiers":{"t":{"limit":1}},"key":[]},{"name":"b","limit":9}]}',
    );
    expectTier(plan.quotaAt(1), 0, "", 9, 1_000_000_000, 9);
    expect(plan.quotaAt(1).tierCount).toBe(1);
    expect(plan.quotaAt(1).keyCount).toBe(1);
    expect(decoded(plan.quotaAt(1).name, plan.quotaAt(1).nameLength)).toBe("b");
    releasePlan(plan);
  });
});

describe("budgets", () => {
  test("have defaults", () => {
    const plan = compiled('{"budgets":[{"name":"b","limit":"800us"}]}');
    const budget = plan.budgetAt(0);
    expect(budget.operations).toBe(u64.MAX_VALUE);
    expect(budget.limitMicros).toBe(800);
    expect(budget.filterCount).toBe(0);
    expect(budget.complete || budget.shed || budget.announce || budget.propagate).toBe(false);
    releasePlan(plan);
  });

  test("are limited to operations and values", () => {
    const plan = compiled(
      '{"budgets":[{"name":"b","operations":["o"],"dimensions":{"venue":["XLON","XPAR"],"symbol":["A"]},' +
        '"limit":"1h","measure":"complete","mode":"shed","propagate":true},{"name":"c","limit":"1us","announce":true}],' +
        '"operations":[{"name":"o"}]}',
    );
    const budget = plan.budgetAt(0);
    expect(decoded(budget.name, budget.nameLength)).toBe("b");
    expect(budget.operations).toBe(1);
    expect(budget.limitMicros).toBe(3_600_000_000);
    expect(budget.complete && budget.shed && budget.propagate).toBe(true);
    expect(budget.filterCount).toBe(2);
    const venue = changetype<BudgetFilter>(budget.filters);
    expect(venue.dimension).toBe(3);
    expect(venue.valueCount).toBe(2);
    expect(entry(venue.values, 1)).toBe("XPAR");
    const symbol = changetype<BudgetFilter>(budget.filters + offsetof<BudgetFilter>());
    expect(symbol.dimension).toBe(0);
    expect(entry(symbol.values, 0)).toBe("A");
    expect(plan.budgetAt(1).announce).toBe(true);
    expect(plan.budgetAt(1).limitMicros).toBe(1);
    releasePlan(plan);
  });
});

describe("a refused document", () => {
  test("leaves no memory behind", () => {
    const document = '{"quotas":[{"name":"a","limit":1}],"budgets":[{"name":"b"}]}';
    expect(refusal(document)).toBe("budgets[0].limit: is required");
    const before = memory.size();
    for (let i = 0; i < 50; i++) refusal(document);
    for (let i = 0; i < 50; i++) releasePlan(compiled("{}"));
    expect(memory.size() - before).toBeLessThan(4);
  });
});
