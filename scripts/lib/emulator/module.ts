import { ENVOY_IMPORTS, type HostImport, type WasmType } from "./imports.ts";
import { limitMemory, readImports, type ModuleImport } from "./wasm-binary.ts";

/** A module Envoy would not run. The message is Envoy's own wording where it has one. */
export class LoadError extends Error {
  override readonly name = "LoadError";
}

/** Envoy caps a VM's memory at 1 GiB (proxy-wasm-cpp-host limits.h). */
export const MAX_MEMORY_PAGES = 16_384;

/** A module that passed Envoy's checks before instantiation. */
export interface CheckedModule {
  readonly module: WebAssembly.Module;
  /** The imported host functions, each known to Envoy. */
  readonly imports: readonly HostImport[];
}

const KNOWN = new Map(ENVOY_IMPORTS.map((one) => [`${one.module}.${one.name}`, one]));
const ABI_MARKER = /^proxy_abi_version_\d+_\d+_\d+$/;
const cache = new WeakMap<Uint8Array, Map<number, CheckedModule>>();

function printTypes(types: readonly WasmType[] | readonly string[]): string {
  return types.length > 0 ? types.join(" ") : "void";
}

function printResult(result: string | null): string {
  return result ?? "void";
}

/** The host function behind an import; throws LoadError in Envoy's words where it is missing or of another type. */
export function matchImport(wanted: ModuleImport): HostImport {
  const path = `${wanted.module}.${wanted.name}`;
  const known = KNOWN.get(path);
  if (wanted.kind !== "function" || known === undefined) {
    throw new LoadError(`Failed to load Wasm module due to a missing import: ${path}`);
  }
  const result = wanted.results[0] ?? null;
  const same =
    known.params.join() === wanted.params.join() && known.result === result && wanted.results.length < 2;
  if (!same) {
    throw new LoadError(
      `Failed to load Wasm module due to an import type mismatch: ${path}, want: ${printTypes(wanted.params)} -> ` +
        `${printResult(result)}, but host exports: ${printTypes(known.params)} -> ${printResult(known.result)}`,
    );
  }
  return known;
}

function checkAbi(module: WebAssembly.Module): void {
  const markers = WebAssembly.Module.exports(module)
    .filter((one) => one.kind === "function" && ABI_MARKER.test(one.name))
    .map((one) => one.name);
  if (markers.includes("proxy_abi_version_0_2_1")) return;
  if (markers.length === 0) throw new LoadError("Missing or unknown Proxy-Wasm ABI version");
  throw new LoadError(`the emulator runs ABI 0.2.1 only, the module marks ${markers.join()}`);
}

function check(wasm: Uint8Array, maxPages: number): CheckedModule {
  let module: WebAssembly.Module;
  try {
    module = new WebAssembly.Module(Buffer.from(limitMemory(wasm, maxPages)));
  } catch (error) {
    throw new LoadError("Failed to load Wasm bytecode", { cause: error });
  }
  checkAbi(module);
  return { module, imports: readImports(wasm).map(matchImport) };
}

/**
 * Compiles and checks a module as Envoy does before it makes an instance; throws LoadError. Compiled once per
 * `wasm` object. `maxPages` bounds the memory (64 KiB pages).
 */
export function loadModule(wasm: Uint8Array, maxPages = MAX_MEMORY_PAGES): CheckedModule {
  let versions = cache.get(wasm);
  if (versions === undefined) {
    versions = new Map();
    cache.set(wasm, versions);
  }
  let checked = versions.get(maxPages);
  if (checked === undefined) {
    checked = check(wasm, maxPages);
    versions.set(maxPages, checked);
  }
  return checked;
}
