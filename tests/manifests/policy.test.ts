import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import schema from "../../deploy/schema/tickgate.schema.json" with { type: "json" };
import { builtInLabels } from "../../scripts/lib/stats-settings.ts";
import { at, deploy, only, render, texts } from "./lib/render.ts";

// What the policy repeats of the schema must be the schema's. What it makes of it, tests/mesh asks a real API server.

const manifests = await render(join(deploy, "policy"));
const policy = only(manifests, "ValidatingAdmissionPolicy");
const variables = new Map(
  Object.values(Object(at(policy, "spec", "variables"))).map((variable) => [
    String(at(variable, "name")),
    String(at(variable, "expression")),
  ]),
);

/** The value of a variable that is a literal. */
function literal(name: string): unknown {
  const expression = variables.get(name) ?? assert.fail(`the policy has no variable ${name}`);
  const raw = /^r"(.*)"$/.exec(expression);
  return raw === null ? (JSON.parse(expression.replaceAll("'", '"')) as unknown) : raw[1];
}

const { properties, $defs: defs } = schema;
const keysOf = (value: unknown): string[] => texts(at(value, "properties"));

for (const [variable, described] of [
  ["configKeys", schema],
  ["operationKeys", properties.operations.items],
  ["dimensionKeys", properties.dimensions.items],
  ["quotaKeys", defs.quota],
  ["tierKeys", defs.quota.properties.tiers.additionalProperties],
  ["budgetKeys", defs.budget],
] as const) {
  test(`${variable} are the keys of the schema`, () => {
    assert.deepEqual(texts(literal(variable)), keysOf(described));
  });
}

test("members are the objects of the schema, with their keys", () => {
  const sections = Object.entries(properties).filter(
    ([, described]) => at(described, "properties") !== undefined,
  );
  const expected = sections.map(([name, described]) => [name, keysOf(described)]);
  const found = Object.entries(Object(literal("members"))).map(([name, keys]) => [name, texts(keys)]);
  assert.deepEqual(Object.fromEntries(found), Object.fromEntries(expected));
});

test("most is maxItems of the schema's arrays", () => {
  const arrays = Object.entries(properties).filter(([, described]) => at(described, "type") === "array");
  assert.deepEqual(
    literal("most"),
    Object.fromEntries(arrays.map(([name, described]) => [name, at(described, "maxItems")])),
  );
});

for (const [variable, pattern] of [
  ["namePattern", defs.name.pattern],
  ["labelPattern", defs.label.pattern],
  ["headerPattern", defs.headerName.pattern],
  ["windowPattern", defs.window.pattern],
  ["budgetPattern", defs.budget.properties.limit.pattern],
] as const) {
  test(`${variable} is the schema's`, () => {
    assert.equal(literal(variable), pattern);
  });
}

function range({ minimum, maximum }: { minimum: number; maximum: number }): number[] {
  return [minimum, maximum];
}

test("choices and ranges are the schema's", () => {
  assert.deepEqual(literal("choices"), {
    mode: properties.mode.enum,
    failureMode: properties.failureMode.enum,
    "identity.anonymous": properties.identity.properties.anonymous.enum,
  });
  assert.deepEqual(literal("ranges"), {
    "metrics.maxSeries": range(properties.metrics.properties.maxSeries),
    "store.capacity": range(properties.store.properties.capacity),
    "violationLog.perSecond": range(properties.violationLog.properties.perSecond),
  });
  const { maxValues, newValuesPerMinute } = properties.dimensions.items.properties;
  const caps = { maxValues: maxValues.maximum, newValuesPerMinute: newValuesPerMinute.maximum };
  assert.deepEqual(literal("valueCaps"), caps);
});

test("labels that are taken are those of the filter", () => {
  assert.deepEqual(texts(literal("builtInLabels")), builtInLabels.toSorted());
  const taken = [...variables].find(([name]) => name === "takenLabels")?.[1] ?? "";
  const added = [...taken.matchAll(/'(\w+)'/g)].map(([, label = ""]) => label);
  const refused = properties.dimensions.items.properties.label.not.enum;
  assert.deepEqual([...builtInLabels, ...added].toSorted(), refused.toSorted());
});

test("indexes reach the longest array", () => {
  const longest = Math.max(
    properties.operations.maxItems,
    properties.quotas.maxItems,
    properties.budgets.maxItems,
  );
  assert.deepEqual(
    literal("indexes"),
    Array.from({ length: longest }, (_, index) => index),
  );
});

test("the binding names the policy and refuses", () => {
  const binding = only(manifests, "ValidatingAdmissionPolicyBinding");
  assert.deepEqual(binding.spec, { policyName: policy.metadata.name, validationActions: ["Deny"] });
  assert.equal(at(policy, "spec", "failurePolicy"), "Fail");
});
