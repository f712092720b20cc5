import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { checkConfig } from "../../scripts/lib/config/check.ts";
import { root } from "../../scripts/lib/paths.ts";
import { judge } from "./configuration.ts";

const fixtures = join(root, "tests", "fixtures", "config");
const maxBytes = 1_048_576;

function read(kind: string, name: string): Uint8Array {
  return readFileSync(join(fixtures, kind, `${name}.json`));
}

function names(kind: string): string[] {
  return readdirSync(join(fixtures, kind)).map((name) => name.replace(/\.json$/, ""));
}

function filler(bytes: number): string {
  return `{"mode":"observe"}${" ".repeat(bytes - 18)}`;
}

for (const name of names("valid")) {
  test(`${name} is accepted by the filter and by the tools`, () => {
    assert.equal(judge(read("valid", name)), "accepted");
    assert.deepEqual(checkConfig(read("valid", name)), {
      ok: true,
      config: JSON.parse(String(read("valid", name)) || "{}") as unknown,
    });
  });
}

const messages: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(join(fixtures, "messages.json"), "utf8"),
);

test("every invalid document has a message, and the other way round", () => {
  assert.deepEqual(names("invalid").toSorted(), Object.keys(messages).toSorted());
});

for (const [name, message] of Object.entries(messages)) {
  test(`${name} is refused: ${message}`, () => {
    assert.equal(judge(read("invalid", name)), message);
    assert.equal(checkConfig(read("invalid", name)).ok, false);
  });
}

test("1 MiB is the most", () => {
  assert.equal(judge(filler(maxBytes)), "accepted");
  assert.equal(checkConfig(filler(maxBytes)).ok, true);
  assert.equal(judge(filler(maxBytes + 1)), "document: 1048577 bytes are more than 1048576");
  assert.deepEqual(checkConfig(filler(maxBytes + 1)), {
    ok: false,
    errors: [{ path: "document", message: "1048577 bytes are more than 1048576" }],
  });
});

test("nesting is refused before it is followed", () => {
  for (const [open, message] of [
    ["[", "document: [...] is not an object"],
    ['{"quotas":[{"key":[', "quotas[0].key[0]: [...] is not a string"],
    ['{"quotas":', "quotas[0]: [...] is not an object"],
  ] as const) {
    const document = `${open}${"[".repeat(500_000)}`;
    assert.equal(judge(document), message);
    assert.equal(checkConfig(document).ok, false);
  }
  const closed = `{"mode":${"[".repeat(500_000)}${"]".repeat(500_000)}}`;
  assert.equal(judge(closed), "mode: [...] is not one of enforce, observe");
  assert.equal(checkConfig(closed).ok, false);
});

test("a megabyte of digits, or of text, is one value out of range", () => {
  const digits = `{"store":{"capacity":1${"0".repeat(1_000_000)}`;
  assert.equal(judge(`${digits}}}`), `store.capacity: 1${"0".repeat(31)}... is not in 1000..10000000`);
  assert.equal(judge(`${digits}e-999996}}`), "accepted");
  assert.equal(
    judge(`{"mode":"${"x".repeat(1_000_000)}"}`),
    `mode: "${"x".repeat(31)}... is not one of enforce, observe`,
  );
});

/** As many different texts of a budget as a document has room for. */
function crowded(): string {
  const values = Array.from({ length: 1000 }, (_, index) => index.toString(36));
  const labels = Array.from({ length: 8 }, (_, index) => `d${index}x`);
  const dimensions = labels.map((label) => ({ label, header: "x", values }));
  const filters = Object.fromEntries(labels.map((label) => [label, values]));
  const budgets = Array.from({ length: 16 }, (_, index) => ({
    name: `b${index}`,
    limit: "1s",
    dimensions: filters,
  }));
  return JSON.stringify({ dimensions, budgets, metrics: { maxSeries: 100_000 } });
}

test("the largest plan fits its memory", () => {
  const document = crowded();
  assert.ok(document.length > 600_000 && document.length < maxBytes);
  assert.equal(judge(document), "accepted");
});

test("without memory a configuration is refused, never a trap", () => {
  const document = crowded();
  let refused = 0;
  for (let pages = 15; pages <= 90; pages += 5) {
    const outcome = judge(document, pages);
    if (/(^|: )out of memory$|^no memory/.test(outcome)) refused += 1;
    else assert.equal(outcome, "accepted");
  }
  assert.ok(refused > 5, `refused ${refused} times`);
});
