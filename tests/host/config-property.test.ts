import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { checkConfig } from "../../scripts/lib/config/check.ts";
import { mutatedDocuments, mutatedTexts, validDocuments } from "./config-documents.ts";
import { judge } from "./configuration.ts";

const seed = 20_261;

function verdicts(text: string): { filter: string; tools: readonly string[] } {
  const result = checkConfig(Buffer.from(text));
  const tools = result.ok ? ["accepted"] : result.errors.map(({ path, message }) => `${path}: ${message}`);
  const filter = judge(Buffer.from(text));
  assert.equal(filter === "accepted", result.ok, `${filter}\n${tools.join("\n")}`);
  return { filter, tools };
}

test("what is valid by construction is accepted by the filter and by the tools", () => {
  const property = fc.property(validDocuments, (root) => {
    const text = JSON.stringify(root);
    assert.deepEqual(checkConfig(text), { ok: true, config: JSON.parse(text) });
    assert.equal(judge(text), "accepted");
  });
  fc.assert(property, { seed, numRuns: 150 });
});

test("the filter and the tools agree on documents with a wrong value, in the words of the first error too", () => {
  const property = fc.property(mutatedDocuments, (root) => {
    const { filter, tools } = verdicts(JSON.stringify(root));
    assert.ok(tools.includes(filter), `${filter}\n${tools.join("\n")}`);
  });
  fc.assert(property, { seed, numRuns: 425 });
});

test("the filter and the tools agree on texts with a slip", () => {
  fc.assert(
    fc.property(mutatedTexts, (text) => void verdicts(text)),
    { seed, numRuns: 425 },
  );
});
