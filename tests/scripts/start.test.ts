import assert from "node:assert/strict";
import { test } from "node:test";
import { ensureFilter } from "../../scripts/lib/filter-build.ts";
import { root } from "../../scripts/lib/paths.ts";
import { runToEnd, startChild, waitFor } from "../../scripts/lib/process.ts";
import { envoyOfVersion, fakeMachine } from "./fake-programs.ts";

const start = { name: "start", command: process.execPath, cwd: root };
const command = ["--import", "tsx", "scripts/start.ts"];

test("npm start -- --seconds 1 shows what the filter counted", async () => {
  await ensureFilter();
  const args = [...command, "--seconds", "1", "--rate", "100"];
  const { code, stdout, stderr } = await runToEnd({ ...start, args, timeoutMillis: 120_000 });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /\n100 requests sent, 100 counted by the filter\n/);
  assert.match(stdout, /\n {2}place_order +\d+/);
  assert.match(stdout, /\n {2}BTC-USD +\d+/);
  assert.match(stdout, /\n {2}tickgate_series +\d+/);
});

test("npm start stays up until it is interrupted, then ends with 0 and takes its processes along", async () => {
  const child = await startChild({ ...start, args: [...command, "--rate", "10"] });
  const output = (): string => child.lines().join("\n");
  const bounds = { child, timeoutMillis: 60_000 };
  const admin = await waitFor("it showed its addresses", () => /admin +(\S+)/.exec(output())?.[1], bounds);
  await waitFor("it stayed up", () => output().includes("Staying up") || undefined, bounds);
  process.kill(child.pid, "SIGINT");
  assert.deepEqual(await child.exited, { code: 0, signal: null });
  await assert.rejects(fetch(`${admin}/ready`));
});

test("npm start with an Envoy that does not come up ends with Envoy's words", async () => {
  await ensureFilter();
  const machine = await fakeMachine();
  const refusal = "echo '[now][1][critical][main] [server.cc:1] no such field'; exit 1";
  const ENVOY_BIN = await machine.add(
    "envoy",
    `[ "$1" = --version ] && { ${envoyOfVersion("1.40.0")}; exit; }\n${refusal}`,
  );
  const env = { ...process.env, ENVOY_BIN };
  const { code, stderr } = await runToEnd({ ...start, args: command, env, timeoutMillis: 60_000 });
  assert.equal(code, 1);
  assert.equal(stderr, "error: Envoy refused its configuration:\n  no such field\n");
});
