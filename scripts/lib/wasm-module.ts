import { createHash } from "node:crypto";
import { CliError } from "./cli.ts";
import { ENVOY_IMPORTS } from "./emulator/imports.ts";
import { readFunctionNames } from "./name-section.ts";

/** The whole filter has to fit: what every worker of every sidecar compiles and keeps. */
export const maxModuleBytes = 64 * 1024;

const requiredExports = ["memory", "malloc", "_initialize", "proxy_abi_version_0_2_1"];
// A function of AssemblyScript's collector or allocator in the module means that something allocates per use.
const forbiddenFunction = /(^|\/)(itcms|tcms|tlsf|stub)\/|^~lib\/rt\//;

/** What the build tells about a module. */
export interface ModuleFacts {
  readonly bytes: number;
  readonly sha256: string;
  readonly imports: readonly string[];
  readonly exports: readonly string[];
  readonly functions: number;
}

/**
 * Checks that Envoy will load a built module: every import is one that Envoy registers, the exports it needs are
 * there, function names are kept for backtraces, and nothing of a managed runtime is left. Throws a CliError.
 */
export async function inspectModule(wasm: Uint8Array<ArrayBuffer>, release: boolean): Promise<ModuleFacts> {
  const module = await WebAssembly.compile(wasm);
  const imports = WebAssembly.Module.imports(module).map(({ module: from, name }) => `${from}.${name}`);
  const known = new Set(ENVOY_IMPORTS.map(({ module: from, name }) => `${from}.${name}`));
  const missing = imports.filter((name) => !known.has(name));
  if (missing.length > 0)
    throw new CliError(`Envoy does not provide ${missing.join(", ")}`, "the module would not load");
  const exports = WebAssembly.Module.exports(module).map(({ name }) => name);
  const absent = requiredExports.filter((name) => !exports.includes(name));
  if (absent.length > 0) throw new CliError(`the module does not export ${absent.join(", ")}`);
  const names = [...readFunctionNames(wasm).values()];
  if (release) checkRelease(wasm, names);
  const sha256 = createHash("sha256").update(wasm).digest("hex");
  return { bytes: wasm.byteLength, sha256, imports, exports, functions: names.length };
}

function checkRelease(wasm: Uint8Array, names: readonly string[]): void {
  if (names.length === 0) throw new CliError("the module has no function names", "trap backtraces need them");
  const managed = names.filter((name) => forbiddenFunction.test(name));
  if (managed.length > 0) throw new CliError(`the module allocates managed objects: ${managed.join(", ")}`);
  if (wasm.byteLength >= maxModuleBytes) {
    throw new CliError(`the module has ${wasm.byteLength} bytes, the limit is ${maxModuleBytes}`);
  }
}
