import { chmod, mkdir, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { CliError, runCommand } from "./lib/cli.ts";
import { root } from "./lib/paths.ts";

const place = join(root, "build", "tickgate.mjs");

// Some dependencies are CommonJS and ask for Node's own modules with require.
const banner = `#!/usr/bin/env node
import { createRequire as createRequireOfNode } from "node:module";
const require = createRequireOfNode(import.meta.url);`;

async function main(): Promise<void> {
  await mkdir(join(root, "build"), { recursive: true });
  // Made beside its place and moved there whole: another process may be starting it.
  const draft = `${place}.${process.pid}`;
  const { warnings } = await build({
    entryPoints: [join(root, "deploy", "tool", "main.ts")],
    outfile: draft,
    absWorkingDir: root,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20.19",
    banner: { js: banner },
    legalComments: "eof",
    logLevel: "silent",
  });
  const [warning] = warnings;
  if (warning !== undefined) throw new CliError(`${warning.location?.file ?? "esbuild"}: ${warning.text}`);
  await chmod(draft, 0o755);
  await rename(draft, place);
  const { size } = await stat(place);
  console.log(`build/tickgate.mjs  ${size} bytes, one file for Node >= 20.19`);
}

await runCommand(main);
