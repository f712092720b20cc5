import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import schema from "../../deploy/schema/tickgate.schema.json" with { type: "json" };
import { root } from "../../scripts/lib/paths.ts";

const readme = await readFile(join(root, "README.md"), "utf8");
const catalog = await readFile(join(root, "assembly/metrics/catalog.ts"), "utf8");

/** Words of a list constant in the catalog. */
function words(constant: string): string[] {
  const literal = new RegExp(`const ${constant} =\\s*"([^"]+)"`).exec(catalog)?.[1];
  assert.ok(literal, `${constant} is in assembly/metrics/catalog.ts`);
  return literal.split(", ");
}

/** Names in the first column of all tables. */
function firstColumn(): Set<string> {
  const cells = readme.matchAll(/^\| (`[^|]*`) *\|/gm);
  return new Set(
    [...cells].flatMap(([, cell = ""]) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name)),
  );
}

test("the metrics table holds every metric of the filter and no other", () => {
  const listed = [...firstColumn()].filter((name) => /^(trading|tickgate)_/.test(name));
  assert.deepEqual(listed.toSorted(), words("NAMES").toSorted());
});

test("kinds in the metrics table are the filter's", () => {
  const kinds = /const KINDS = "(\d+)"/.exec(catalog)?.[1] ?? "";
  for (const [index, name] of words("NAMES").entries()) {
    const kind = ["counter", "gauge", "histogram"][Number(kinds[index])];
    assert.match(readme, new RegExp(`^\\| \`${name}\` +\\| ${kind} +\\|`, "m"), `${name} is a ${kind}`);
  }
});

test("every reason of a failure and every result is explained", () => {
  for (const reason of words("FAILURE_NAMES")) assert.ok(firstColumn().has(reason), reason);
  for (const result of words("RESULT_NAMES")) assert.match(readme, new RegExp(`\`${result}\``));
});

test("the configuration table holds every key of the schema", () => {
  const listed = new Set([...firstColumn()].map((name) => name.replace(/\[\]$/, "").split(".")[0]));
  for (const key of Object.keys(schema.properties)) assert.ok(listed.has(key), key);
});
