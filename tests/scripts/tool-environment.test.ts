import assert from "node:assert/strict";
import { test } from "node:test";
import { settingsOf, unknownVariables, variableOf } from "../../deploy/tool/environment.ts";
import { asksForJson } from "../../deploy/tool/output.ts";
import { UsageError } from "../../deploy/tool/usage.ts";
import { tickgate } from "./tickgate-process.ts";

const definitions = {
  file: { type: "positional" },
  "admin-port": { type: "string" },
  window: { type: "string" },
  insecure: { type: "boolean" },
} as const;

function wordsOf(line: readonly string[], env: NodeJS.ProcessEnv): string[] {
  return settingsOf(definitions, line, env).flatMap(({ words }) => words);
}

test("a variable stands for an option that the line does not have", () => {
  assert.equal(variableOf("admin-port"), "TICKGATE_ADMIN_PORT");
  const env = { TICKGATE_ADMIN_PORT: "15001", TICKGATE_FILE: "x", TICKGATE_OTHER: "y", PATH: "/bin" };
  assert.deepEqual(wordsOf(["a.json"], env), ["--admin-port=15001"]);
  for (const line of [["--admin-port", "1"], ["--admin-port=1"]]) assert.deepEqual(wordsOf(line, env), []);
  assert.deepEqual(wordsOf(["--", "--admin-port"], env), ["--admin-port=15001"]);
});

test("a switch is on or off, and the line can turn it off", () => {
  const on = { TICKGATE_INSECURE: "1" };
  assert.deepEqual(wordsOf([], on), ["--insecure"]);
  assert.deepEqual(wordsOf(["--no-insecure"], on), []);
  for (const value of ["0", "false", ""]) assert.deepEqual(wordsOf([], { TICKGATE_INSECURE: value }), []);
  assert.throws(() => wordsOf([], { TICKGATE_INSECURE: "yes" }), UsageError);
});

test("a variable that nothing stands behind is named, with the one that was meant", () => {
  const env = {
    TICKGATE_NAMESPCE: "x",
    TICKGATE_ZZZZZZZ: "1",
    TICKGATE_PROMETHEUS_TOKEN: "s",
    TICKGATE_WINDOW: "1s",
    TICKGATE_SERVICE_HOST: "10.0.0.1",
    TICKGATE_PORT: "tcp://10.0.0.1:443",
    TICKGATE_PORT_443_TCP: "tcp://10.0.0.1:443",
  };
  assert.deepEqual(unknownVariables(["namespace", "window"], env), [
    "warning: TICKGATE_NAMESPCE is set, and no option is called that: TICKGATE_NAMESPACE?",
    "warning: TICKGATE_ZZZZZZZ is set, and no option is called that",
  ]);
});

test("who asks for JSON", () => {
  const json = { TICKGATE_OUTPUT: "json" };
  assert.ok(
    asksForJson(["--output", "json"], {}) && asksForJson(["--output=json"], {}) && asksForJson([], json),
  );
  assert.ok(!asksForJson(["--output", "text"], json) && !asksForJson(["--", "--output", "json"], {}));
});

for (const [args, env, code, expected] of [
  [["status"], { TICKGATE_TIMEOUT: "abc" }, 2, /^error: TICKGATE_TIMEOUT=abc is not a duration\n/],
  [["status"], { TICKGATE_PODS: "x" }, 2, /^error: TICKGATE_PODS=x is not known\n/],
  [
    ["status", "--timeout", "x"],
    { TICKGATE_TIMEUT: "1s" },
    2,
    /^warning: TICKGATE_TIMEUT is set.*: TICKGATE_TIMEOUT\?\nerror: --timeout x/,
  ],
  [["deploy", "--config"], {}, 2, /^error: --config needs a value\n/],
  [
    ["status", "--timeout", "-5s"],
    {},
    2,
    /^error: --timeout needs a value, and -5s looks like an option\n.*--timeout=-5s/,
  ],
  [["rollback", "--to", "-1"], {}, 2, /^error: --to needs a value, and -1 looks like an option/],
  [["status", "--watch", "--output", "json"], {}, 2, /^error: --watch is for people\n.*--output text/],
  [["no-such"], {}, 2, /^error: tickgate: there is no command no-such\n/],
  [["status", "--bogus"], {}, 2, /^error: Unknown option '--bogus'/],
  [["package", "no-such.wasm"], {}, 1, /^error: there is no module at no-such\.wasm/],
] as const) {
  test(`tickgate ${args.join(" ")} ${Object.keys(env).join(" ")}: text on stderr, a document where JSON is asked for`, async () => {
    const text = await tickgate(args, { env });
    assert.match(text.stderr, expected);
    assert.equal(text.code, code);
    const json = await tickgate(args, { env: { ...env, TICKGATE_OUTPUT: "json" } });
    assert.equal(json.stderr, text.stderr);
    assert.equal(json.code, code);
    const [, error, hint] = /^error: (.*)\n(?: {2}hint: (.*)\n)?$/m.exec(text.stderr) ?? [];
    assert.deepEqual(JSON.parse(json.stdout), { ok: false, error, ...(hint === undefined ? {} : { hint }) });
  });
}
