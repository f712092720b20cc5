import assert from "node:assert/strict";
import { copyFile, mkdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { filterModule, root } from "../../scripts/lib/paths.ts";
import { runToEnd, type Finished } from "../../scripts/lib/process.ts";
import { temporaryDirectory, type TemporaryDirectory } from "../../scripts/lib/temporary.ts";

const timeoutMillis = 120_000;

// As a package manager would lay it out, far from the tree: no node_modules, no sources.
let folder: TemporaryDirectory;
let bundle: string;
let elsewhere: string;

before(async () => {
  folder = await temporaryDirectory();
  const built = await runToEnd({
    name: "build-tool",
    command: process.execPath,
    args: ["--import", "tsx", "scripts/build-tool.ts"],
    cwd: root,
    timeoutMillis,
  });
  assert.equal(built.code, 0, built.stderr);
  const packed = join(folder.path, "installed", "build");
  await mkdir(packed, { recursive: true });
  bundle = join(packed, "tickgate.mjs");
  await copyFile(join(root, "build", "tickgate.mjs"), bundle);
  await copyFile(filterModule, join(packed, "tickgate.wasm"));
  elsewhere = join(folder.path, "elsewhere");
  await mkdir(elsewhere);
});
after(() => folder.remove());

function run(command: string, ...args: readonly string[]): Promise<Finished> {
  const env = { PATH: process.env["PATH"], HOME: elsewhere };
  return runToEnd({ name: "tickgate", command, args, cwd: elsewhere, env, timeoutMillis });
}

test("one file describes every command that the sources have", async () => {
  const { code, stdout, stderr } = await run(process.execPath, bundle, "--help");
  assert.equal(code, 0, stderr);
  assert.equal(stderr, "");
  const source = await readFile(join(root, "deploy", "tool", "main.ts"), "utf8");
  const commands = [...source.matchAll(/^ {4}(\w+): async/gm)].map(([, name = ""]) => name);
  assert.ok(commands.length >= 2);
  for (const command of commands) {
    assert.match(stdout, new RegExp(`^ +${command} `, "m"));
    const help = await run(process.execPath, bundle, command, "--help");
    assert.equal(help.code, 0, help.stderr);
    assert.match(help.stdout, new RegExp(`USAGE tickgate ${command}`));
  }
});

test("the help of a command says what its exit codes mean, and what goes where", async () => {
  for (const words of [
    ["config", "check"],
    ["deploy"],
    ["doctor"],
    ["history"],
    ["package"],
    ["remove"],
    ["rollback"],
    ["rollout"],
    ["rollout", "abort"],
    ["rollout", "approve"],
    ["status"],
  ]) {
    const { stdout } = await run(process.execPath, bundle, ...words, "--help");
    assert.match(stdout, /^Exit code 0: /m, words.join(" "));
    assert.doesNotMatch(stdout, /=<[a-z]+(_[a-z]+)*>/, "placeholders are in capitals, alternatives are not");
    assert.doesNotMatch(stdout, /Default: \)/);
    assert.doesNotMatch(stdout, /^ *--\S+ *$/m, "every option is described");
  }
});

test("it is a program of its own, also by a link as npx makes them", async () => {
  assert.equal((await stat(bundle)).mode & 0o111, 0o111);
  const link = join(elsewhere, "npx-tickgate");
  await symlink(bundle, link);
  const { version }: { version: string } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  assert.deepEqual(await run(link, "--version"), {
    code: 0,
    signal: null,
    stdout: `${version}\n`,
    stderr: "",
  });
});

test("configurations are judged by the schema that is inside", async () => {
  const path = join(elsewhere, "plugin.json");
  await writeFile(path, '{"quotas":[{"name":"a","limit":0}]}');
  const { code, stdout } = await run(process.execPath, bundle, "config", "check", path);
  assert.equal(code, 1);
  assert.match(stdout, /plugin\.json:1: error: quotas\[0\]\.limit: 0 is not in 1\.\.1000000000\n/);
});

test("the module beside the tool is packaged when there is none here", async () => {
  const link = join(elsewhere, "tickgate");
  await symlink(bundle, link);
  const { code, stdout, stderr } = await run(
    process.execPath,
    link,
    "package",
    "--revision",
    "",
    "--output",
    "json",
  );
  assert.equal(code, 0, stderr);
  const result: { digest: string; bytes: number } = JSON.parse(stdout);
  assert.match(result.digest, /^sha256:[0-9a-f]{64}$/);
  assert.ok(result.bytes > (await stat(filterModule)).size);
});

test("the bundle names no place of the machine it was made on", async () => {
  const text = await readFile(bundle, "utf8");
  assert.ok(!text.includes(root), "it holds the path of the tree");
});
