import { join } from "node:path";
import type { TestContext } from "node:test";
import { compile } from "../../../scripts/lib/asc.ts";
import { temporaryDirectory } from "../../../scripts/lib/temporary.ts";

// No configuration file: ours names its own entry.
const options = ["--config", "none", "--runtime", "minimal", "--exportStart", "_initialize", "-O1"];
const filterAbort = ["--use", "abort=assembly/host/abort/abort"];

/** Compiles a probe: `poison` spoils the quota store, `trapping` is the filter that dies of a request's body. */
export async function buildProbe(t: TestContext, name: "poison" | "trapping"): Promise<string> {
  const directory = await temporaryDirectory();
  t.after(() => directory.remove());
  const path = join(directory.path, `${name}.wasm`);
  const abort = name === "poison" ? ["--use", "abort=tests/host/probe/poison/abort"] : filterAbort;
  await compile(`tests/host/probe/${name}.ts`, "-o", path, ...options, ...abort);
  return path;
}
