import assert from "node:assert/strict";
import * as fc from "fast-check";
import { Proxy } from "../../scripts/lib/emulator/index.ts";
import { releaseTest, test, type Given } from "./lib/cases.ts";
import type { Filter } from "./lib/filter.ts";
import { ledgerWeight } from "./lib/ledger.ts";

const SEED = 20_261_123;
const HEADERS = ["x-a", "x-b", "x-c"];

const awkward = fc.constantFrom("", "none", "other", ";.;", "=.=", ".", "a;.;result=.=ok;.;", "\u00ff", "é");
const value = fc.oneof(
  { weight: 5, arbitrary: fc.nat(300).map((n) => `v${n}`) },
  { weight: 1, arbitrary: awkward },
  { weight: 1, arbitrary: fc.string({ maxLength: 80 }).map((text) => text.replaceAll(/[\0\r\n]/g, " ")) },
);

const learning = fc.record({
  maxValues: fc.integer({ min: 1, max: 1000 }),
  newValuesPerMinute: fc.integer({ min: 1, max: 60_000 }),
});
const listing = fc.record({
  values: fc.uniqueArray(
    fc.nat(20).map((n) => `v${n}`),
    { minLength: 1 },
  ),
});

function dimension(label: string, header: string): fc.Arbitrary<object> {
  const letterCase = fc.constantFrom("keep", "upper", "lower");
  return fc
    .tuple(fc.oneof(learning, listing), letterCase)
    .map(([values, folding]) => Object.assign(values, { label, header, case: folding }));
}

const dimensions = fc
  .subarray(["symbol", "desk", "venue", "book"])
  .chain((labels) =>
    fc.tuple(...labels.map((label, i) => dimension(label, HEADERS[i % HEADERS.length] ?? "x-a"))),
  );

const operations = fc.uniqueArray(fc.constantFrom("buy", "sell", "quote", "cancel"));

const configuration = fc
  .record({ dimensions, operations: fc.option(operations), maxSeries: fc.integer({ min: 1, max: 150 }) })
  .map(({ dimensions: chosen, operations: names, maxSeries }) => ({
    dimensions: chosen,
    // JSON leaves an undefined member out.
    operations: names?.map((name) => ({ name })),
    metrics: { maxSeries, durationLabels: ["operation", "result"] },
    stages: { values: ["db"] },
  }));

type Configuration = typeof configuration extends fc.Arbitrary<infer T> ? T : never;

type Act =
  | {
      readonly kind: "flood";
      readonly worker: number;
      readonly values: readonly string[];
      readonly status: number;
    }
  | { readonly kind: "tick" }
  | { readonly kind: "trap"; readonly worker: number }
  | { readonly kind: "update"; readonly configuration: Configuration }
  | { readonly kind: "second"; readonly configuration: Configuration };

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("flood" as const),
      worker: fc.nat(2),
      values: fc.array(value, { minLength: 3, maxLength: 60 }),
      status: fc.constantFrom(200, 404, 500),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("tick" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("trap" as const), worker: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("update" as const), configuration }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("second" as const), configuration }) },
);

function flood(filter: Filter, worker: number, values: readonly string[], status: number): void {
  values.forEach((one, i) => {
    const headers = {
      "x-a": one,
      "x-b": values[(i * 7) % values.length] ?? "",
      "x-c": values[(i * 3) % values.length] ?? "",
      "x-trading-operation": values[i % 5] ?? "",
    };
    for (let round = 0; round < 3; round++) {
      const upstream = { status, headers: { "server-timing": "db;dur=1", "x-market-timestamp": "1" } };
      filter.send({ worker, headers, upstream });
    }
  });
}

/** Plays acts on three workers and checks the law after each. */
function play(given: Given, first: Configuration, acts: readonly Act[]): void {
  const proxy = new Proxy({ workers: 3 });
  const filter = given(first, { proxy, failurePolicy: "FAIL_RELOAD" });
  const filters = [filter];
  const cap = (): number => Math.max(...filters.map((one) => one.cap));
  for (const one of acts) {
    if (one.kind === "flood") for (const each of filters) flood(each, one.worker, one.values, one.status);
    else if (one.kind === "tick") proxy.advance(500);
    else if (one.kind === "update") assert.equal(filter.update(one.configuration), undefined);
    else if (one.kind === "trap") {
      filter.trap(one.worker);
      proxy.advance(1500);
      filter.send({ worker: one.worker });
    } else if (filters.length === 1) {
      filters.push(given(one.configuration, { proxy, rootId: "second", failurePolicy: "FAIL_RELOAD" }));
    }
    assert.ok(proxy.stats.size <= cap(), `${proxy.stats.size} series of ${cap()}`);
  }
  proxy.advance(1000);
  const claimed = ledgerWeight(proxy);
  assert.ok(claimed <= cap() && proxy.stats.size <= claimed, `${proxy.stats.size} ${claimed} ${cap()}`);
  if (proxy.stats.series("tickgate_series").length > 0)
    assert.equal(proxy.stats.value("tickgate_series"), claimed);
  for (const each of filters) {
    each.cap = cap();
    each.trapsWanted = filter.trapsWanted;
  }
}

function law(given: Given, numRuns: number): void {
  const property = fc.property(configuration, fc.array(act, { maxLength: 12 }), (first, acts) => {
    play(given, first, acts);
  });
  fc.assert(property, { seed: SEED, numRuns });
}

test("whatever callers send, series never exceed the cap", (given) => law(given, 60));
releaseTest("nor in many more lives", (given) => law(given, 250));
