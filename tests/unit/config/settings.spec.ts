import { releasePlan } from "../../../assembly/config/compile";
import {
  ANONYMOUS_EXEMPT,
  ANONYMOUS_REJECT,
  CASE_LOWER,
  CASE_UPPER,
  MATCH_EXACT,
  MATCH_HEADER,
  MATCH_METHOD,
  MATCH_PREFIX,
  PART_OPERATION,
  PART_RESULT,
  SOURCE_PEER,
} from "../../../assembly/config/plan";
import { decoded } from "../sample";
import { compiled, entry, header } from "./compiled";

describe("settings", () => {
  test("are switches and numbers", () => {
    const plan = compiled(
      '{"mode":"observe","failureMode":"deny","metrics":{"maxSeries":7,"filterState":true},' +
        '"store":{"capacity":1e4},"violationLog":{"perSecond":9},"identity":{"anonymous":"reject","logKeyEnv":"K1"}}',
    );
    expect(plan.observe && plan.failureDeny && plan.filterState).toBe(true);
    expect(plan.maxSeries).toBe(7);
    expect(plan.storeCapacity).toBe(10_000);
    expect(plan.violationsPerSecond).toBe(9);
    expect(plan.anonymous).toBe(ANONYMOUS_REJECT);
    expect(decoded(plan.logKeyEnv, plan.logKeyEnvLength)).toBe("K1");
    releasePlan(plan);
  });

  test("are trusted peers, everybody among them", () => {
    const plan = compiled('{"trustedPeers":["spiffe://a/b","*"],"identity":{"anonymous":"exempt"}}');
    expect(plan.trustAll).toBe(true);
    expect(entry(plan.trustedPeers, 0)).toBe("spiffe://a/b");
    expect(plan.anonymous).toBe(ANONYMOUS_EXEMPT);
    releasePlan(plan);
  });

  test("name each header once, in lower case", () => {
    const plan = compiled(
      '{"headers":{"operation":"X-Op","tier":"x-op","marketTimestamp":"X-Time"},"dimensions":[],' +
        '"identity":{"sources":[{"header":"X-OP"},{"peer":"spiffe"},{"header":"Id"}]}}',
    );
    expect(plan.headerCount).toBe(3);
    expect(plan.operationHeader).toBe(plan.tierHeader);
    expect(header(plan, plan.operationHeader)).toBe("x-op");
    expect(decoded(plan.marketTimestamp, plan.marketTimestampLength)).toBe("x-time");
    expect(plan.sourceCount).toBe(3);
    expect(load<u8>(plan.sources)).toBe(<u8>plan.operationHeader);
    expect(load<u8>(plan.sources, 1)).toBe(SOURCE_PEER);
    expect(header(plan, load<u8>(plan.sources, 2))).toBe("id");
    releasePlan(plan);
  });

  test("are labels and stages", () => {
    const plan = compiled(
      '{"stages":{"values":["db","risk"]},"metrics":{"durationLabels":["venue","result","operation"]}}',
    );
    expect(plan.stageCount).toBe(2);
    expect(entry(plan.stages, 1)).toBe("risk");
    expect(plan.durationLabelCount).toBe(3);
    expect(load<u8>(plan.durationLabels)).toBe(3);
    expect(load<u8>(plan.durationLabels, 1)).toBe(PART_RESULT);
    expect(load<u8>(plan.durationLabels, 2)).toBe(PART_OPERATION);
    releasePlan(plan);
  });
});

describe("operations", () => {
  test("are matched by what they tell", () => {
    const plan = compiled(
      '{"operations":[{"name":"a"},{"name":"b","method":"PUT"},{"path":"/c","name":"c","method":"GET"},' +
        '{"name":"d","pathPrefix":"/d/"}]}',
    );
    expect(plan.operationCount).toBe(4);
    expect(plan.operationAt(0).match).toBe(MATCH_HEADER);
    expect(plan.operationAt(0).methodLength).toBe(0);
    expect(plan.operationAt(1).match).toBe(MATCH_METHOD);
    expect(decoded(plan.operationAt(1).method, plan.operationAt(1).methodLength)).toBe("PUT");
    expect(plan.operationAt(2).match).toBe(MATCH_EXACT);
    expect(decoded(plan.operationAt(2).path, plan.operationAt(2).pathLength)).toBe("/c");
    expect(decoded(plan.operationAt(2).name, plan.operationAt(2).nameLength)).toBe("c");
    expect(plan.operationAt(3).match).toBe(MATCH_PREFIX);
    expect(decoded(plan.operationAt(3).path, plan.operationAt(3).pathLength)).toBe("/d/");
    releasePlan(plan);
  });
});

describe("dimensions", () => {
  test("have an allow-list or learn", () => {
    const plan = compiled(
      '{"dimensions":[{"label":"desk","header":"X-Desk","case":"lower","values":["fx","r\\u0061tes"]},' +
        '{"label":"book","header":"x-book","case":"upper","maxValues":5,"newValuesPerMinute":6}]}',
    );
    const desk = plan.dimensionAt(0);
    expect(header(plan, desk.header)).toBe("x-desk");
    expect(desk.letterCase).toBe(CASE_LOWER);
    expect(desk.valueCount).toBe(2);
    expect(entry(desk.values, 1)).toBe("rates");
    const book = plan.dimensionAt(1);
    expect(decoded(book.label, book.labelLength)).toBe("book");
    expect(book.letterCase).toBe(CASE_UPPER);
    expect(book.valueCount).toBe(0);
    expect(book.maxValues).toBe(5);
    expect(book.newValuesPerMinute).toBe(6);
    releasePlan(plan);
  });
});
