import assert from "node:assert/strict";
import { test } from "node:test";
import { variableOf, withEnvironment } from "../../deploy/tool/environment.ts";
import { UsageError } from "../../deploy/tool/usage.ts";

const definitions = {
  file: { type: "positional" },
  "admin-port": { type: "string" },
  window: { type: "string" },
  insecure: { type: "boolean" },
} as const;

test("a variable stands for an option that the line does not have", () => {
  assert.equal(variableOf("admin-port"), "TICKGATE_ADMIN_PORT");
  const env = { TICKGATE_ADMIN_PORT: "15001", TICKGATE_FILE: "x", TICKGATE_OTHER: "y", PATH: "/bin" };
  assert.deepEqual(withEnvironment(definitions, ["a.json"], env), ["--admin-port=15001", "a.json"]);
  for (const line of [["--admin-port", "1"], ["--admin-port=1"]])
    assert.deepEqual(withEnvironment(definitions, line, env), line);
  const behind = ["--", "--admin-port"];
  assert.deepEqual(withEnvironment(definitions, behind, env), ["--admin-port=15001", ...behind]);
});

test("a switch is on or off, and the line can turn it off", () => {
  const on = { TICKGATE_INSECURE: "1" };
  assert.deepEqual(withEnvironment(definitions, [], on), ["--insecure"]);
  assert.deepEqual(withEnvironment(definitions, ["--no-insecure"], on), ["--no-insecure"]);
  for (const value of ["0", "false", ""])
    assert.deepEqual(withEnvironment(definitions, [], { TICKGATE_INSECURE: value }), []);
  assert.throws(() => withEnvironment(definitions, [], { TICKGATE_INSECURE: "yes" }), UsageError);
});
