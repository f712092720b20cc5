import { WASI_MODULES } from "./imports.ts";

/** Thrown into the filter by a host function it may not call now; Envoy's message. */
export class RestrictedCallback extends Error {
  override readonly name = "Error";

  constructor() {
    super("restricted_callback");
  }
}

function allowed(wasi: readonly string[]): ReadonlySet<string> {
  return new Set([
    "env.proxy_log",
    ...WASI_MODULES.flatMap((module) => wasi.map((name) => `${module}.${name}`)),
  ]);
}

/** What `_initialize` (and `main`, `_start`) may call (proxy-wasm-cpp-host wasm.cc, startVm). */
export const ALLOWED_IN_INITIALIZE = allowed([
  "fd_write",
  "args_sizes_get",
  "args_get",
  "environ_sizes_get",
  "environ_get",
  "fd_prestat_get",
  "fd_prestat_dir_name",
  "clock_time_get",
  "random_get",
]);

/** What `malloc` may call. */
export const ALLOWED_IN_MALLOC = allowed(["fd_write", "clock_time_get", "poll_oneoff"]);

/** Whether an error that left the module is a trap: anything else is a fault of the test or the emulator. */
export function isTrap(error: unknown): error is Error {
  if (error instanceof WebAssembly.RuntimeError || error instanceof RestrictedCallback) return true;
  return error instanceof RangeError && error.message.startsWith("Maximum call stack size exceeded");
}

/** A trap as V8 words it in Envoy's log. */
export function trapMessage(error: Error): string {
  return `Uncaught ${error.name}: ${error.message}`;
}
