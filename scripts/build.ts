import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import manifest from "../package.json" with { type: "json" };
import { compile } from "./lib/asc.ts";
import { CliError, runCommand } from "./lib/cli.ts";
import { shortenNames } from "./lib/name-section.ts";
import { filterModule, root } from "./lib/paths.ts";
import { inspectModule, maxModuleBytes } from "./lib/wasm-module.ts";

async function main(): Promise<void> {
  await checkVersion();
  await mkdir(join(root, "build"), { recursive: true });
  await Promise.all(
    ["debug", "release"].map((target) => compile("--config", "asconfig.json", "--target", target)),
  );
  await writeFile(filterModule, shortenNames(await read(filterModule)));
  await inspectModule(await read(filterModule.replace(/\.wasm$/, ".debug.wasm")), false);
  const { bytes, sha256, imports, exports, functions } = await inspectModule(await read(filterModule), true);
  console.log(`build/tickgate.wasm  ${bytes} bytes (limit ${maxModuleBytes}), ${functions} functions`);
  console.log(`  sha256   ${sha256}`);
  console.log(`  imports  ${imports.length}, all provided by Envoy`);
  console.log(`  exports  ${exports.join(" ")}`);
}

async function read(path: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await readFile(path));
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
