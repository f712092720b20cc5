import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import manifest from "../package.json" with { type: "json" };
import { compile } from "./lib/asc.ts";
import { CliError, runCommand } from "./lib/cli.ts";
import { mergeSegments } from "./lib/data-section.ts";
import { shortenNames } from "./lib/name-section.ts";
import { filterModule, root } from "./lib/paths.ts";
import { inspectModule, maxModuleBytes } from "./lib/wasm-module.ts";

async function main(): Promise<void> {
  await checkVersion();
  await mkdir(join(root, "build"), { recursive: true });
  const [debug, release] = await Promise.all([build("debug"), build("release")]);
  await inspectModule(debug, false);
  const { bytes, sha256, imports, exports, functions } = await inspectModule(release, true);
  console.log(`build/tickgate.wasm  ${bytes} bytes (limit ${maxModuleBytes}), ${functions} functions`);
  console.log(`  sha256   ${sha256}`);
  console.log(`  imports  ${imports.length}, all provided by Envoy`);
  console.log(`  exports  ${exports.join(" ")}`);
}

/** Compiles a target beside its place and moves it there whole: another process may be loading it. */
async function build(target: "debug" | "release"): Promise<Uint8Array<ArrayBuffer>> {
  const place = target === "release" ? filterModule : filterModule.replace(/\.wasm$/, ".debug.wasm");
  const draft = `${place}.${process.pid}`;
  await compile("--config", "asconfig.json", "--target", target, "--outFile", draft);
  const wasm = new Uint8Array(await readFile(draft));
  const module = target === "release" ? mergeSegments(shortenNames(wasm)) : wasm;
  await writeFile(draft, module);
  await rename(draft, place);
  return module;
}

/** The version that the filter reports is package.json's. */
async function checkVersion(): Promise<void> {
  const { version } = manifest;
  const source = await readFile(join(root, "assembly", "version.ts"), "utf8");
  if (!source.includes(`"${version}"`)) {
    throw new CliError(`assembly/version.ts is not at version ${version} of package.json`);
  }
}

await runCommand(main);
