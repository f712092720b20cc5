import assert from "node:assert/strict";
import { test } from "node:test";
import { parseArgs } from "node:util";
import { CliError, describeError } from "../../scripts/lib/cli.ts";
import { root } from "../../scripts/lib/paths.ts";
import { runToEnd } from "../../scripts/lib/process.ts";

test("a CliError is one line, with a hint two; the stack stays out", () => {
  assert.equal(describeError(new CliError("no")), "error: no");
  assert.equal(describeError(new CliError("no", "do this")), "error: no\n  hint: do this");
});

test("a wrong flag is one line", () => {
  assert.throws(
    () => parseArgs({ args: ["--bogus"], options: {} }),
    (error) => describeError(error) === "error: Unknown option '--bogus'\n  hint: --help lists the options",
  );
});

test("any other error keeps its stack: it is a bug", () => {
  assert.match(describeError(new TypeError("x is not a function")), /x is not a function\n\s+at /);
});

for (const [args, expected] of [
  [["--bogus"], /^error: Unknown option '--bogus'\n/],
  [["--seconds", "0"], /^error: --seconds 0 is not a whole number in 1\.\.3600\n$/],
  [["--rate", "5000"], /^error: --rate 5000 is not a whole number in 1\.\.2000\n$/],
  [["extra"], /^error: Unexpected argument 'extra'/],
] as const) {
  test(`npm start -- ${args.join(" ")} fails with exit code 1 before anything starts`, async () => {
    const { code, stdout, stderr } = await runToEnd({
      name: "start",
      command: process.execPath,
      args: ["--import", "tsx", "scripts/start.ts", ...args],
      cwd: root,
      timeoutMillis: 30_000,
    });
    assert.equal(code, 1);
    assert.equal(stdout, "");
    assert.match(stderr, expected);
  });
}
