import assert from "node:assert/strict";
import { test } from "node:test";
import { freePort } from "../../scripts/lib/ports.ts";
import { runToEnd, startChild, waitFor } from "../../scripts/lib/process.ts";

function nodeProgram(body: string): { name: string; command: string; args: string[] } {
  return { name: "it", command: process.execPath, args: ["-e", body] };
}

test("a wait that times out names what it waited for", async () => {
  await assert.rejects(
    waitFor("the moon", () => undefined, { timeoutMillis: 50 }),
    /timed out after 0\.05 s: the moon/,
  );
});

test("a wait ends when the child does, with the child's last words", async () => {
  const child = await startChild(nodeProgram("console.error('no such file'); process.exit(3)"));
  await assert.rejects(
    waitFor("it was ready", () => undefined, { child }),
    { message: "it ended (code 3) before it was ready:\nno such file" },
  );
});

test("a child that ignores SIGTERM is killed; stopping twice is fine", async () => {
  const child = await startChild(
    nodeProgram("process.on('SIGTERM', () => {}); console.log('up'); setInterval(() => {}, 1000)"),
  );
  await waitFor("it was up", () => child.lines().includes("up") || undefined, { child });
  assert.deepEqual(await child.stop(100), { code: null, signal: "SIGKILL" });
  assert.deepEqual(await child.stop(), { code: null, signal: "SIGKILL" });
});

test("a program that does not exist is an error at once", async () => {
  await assert.rejects(
    startChild({ name: "the tool", command: "/nonexistent" }),
    /cannot start the tool: .*ENOENT/,
  );
});

test("a program that takes too long is stopped", async () => {
  const program = nodeProgram("setInterval(() => {}, 1000)");
  await assert.rejects(runToEnd({ ...program, timeoutMillis: 200 }), /it did not finish within 0\.2 s/);
});

test("output is kept apart and complete", async () => {
  const program = nodeProgram("console.log('out'); console.error('err')");
  const result = await runToEnd({ ...program, timeoutMillis: 10_000 });
  assert.deepEqual(result, { code: 0, signal: null, stdout: "out\n", stderr: "err\n" });
});

test("a free port is a port", async () => {
  const port = await freePort();
  assert.ok(port > 1023 && port < 65_536);
});

test("input is what the child reads on stdin; one that does not read it is no error", async () => {
  const options = { name: "reader", input: "line\n".repeat(100_000), timeoutMillis: 20_000 };
  const { stdout } = await runToEnd({ ...options, command: "cat" });
  assert.equal(stdout, options.input);
  assert.equal((await runToEnd({ ...options, command: "true" })).code, 0);
});
