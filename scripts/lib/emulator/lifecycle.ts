import { RootContext } from "./base-context.ts";
import type { ByteString } from "./bytes.ts";
import type { Vm } from "./vm.ts";

export type FailurePolicy = "FAIL_CLOSED" | "FAIL_OPEN" | "FAIL_RELOAD";

/** One plugin configuration, as every thread gets it. */
export interface PluginSpec {
  readonly name: string;
  readonly rootId: string;
  readonly configuration: ByteString;
  /** Equal for equal root id, configuration and name: threads share one root for them. */
  readonly key: string;
  readonly failurePolicy: FailurePolicy;
  /** FAIL_RELOAD waits this long after a load. Envoy adds jitter, the emulator none. */
  readonly reloadBackoffMillis: number;
  readonly properties: ReadonlyMap<ByteString, ByteString>;
}

/** The root, or why there is none: the two steps a filter may refuse. */
export type RootResult =
  | { readonly root: RootContext }
  | { readonly refused: "StartFailed" | "ConfigureFailed"; readonly root: RootContext };

function start(vm: Vm, root: RootContext, spec: PluginSpec): boolean {
  if (vm.has("proxy_on_context_create")) {
    root.configuration = spec.configuration;
    vm.call("proxy_on_context_create", root, vm.rootCalls, root.id, 0);
    root.configuration = undefined;
    root.created = true;
  }
  if (!vm.has("proxy_on_vm_start")) return true;
  return vm.call("proxy_on_vm_start", root, vm.rootCalls, root.id, vm.vmConfiguration.length) !== 0;
}

function configure(vm: Vm, root: RootContext, spec: PluginSpec): boolean {
  // A VM that died before passes here, and fails its first request (proxy-wasm-cpp-host context.cc, onConfigure).
  if (vm.failure !== undefined || !vm.has("proxy_on_configure")) return true;
  root.configuration = spec.configuration;
  const accepted =
    vm.call("proxy_on_configure", root, vm.rootCalls, root.id, spec.configuration.length) !== 0;
  root.configuration = undefined;
  return accepted;
}

/** Makes a root context in a VM: create, `proxy_on_vm_start` (each time, also in a VM that runs), `proxy_on_configure`. */
export function createRoot(vm: Vm, spec: PluginSpec): RootResult {
  const root = new RootContext(vm.allocateContextId(), vm, spec.properties);
  vm.contexts.set(root.id, root);
  if (!start(vm, root, spec)) return { root, refused: "StartFailed" };
  return configure(vm, root, spec) ? { root } : { root, refused: "ConfigureFailed" };
}

/** Ends a root: `proxy_on_done`, then `proxy_on_delete` at once or, where it answered 0, after `proxy_done`. */
export function endRoot(vm: Vm, root: RootContext): void {
  const finish = (): void => {
    const alive = vm.failure === undefined && root.created && vm.has("proxy_on_delete");
    if (alive) vm.call("proxy_on_delete", root, vm.rootCalls, root.id);
    vm.contexts.delete(root.id);
    vm.timers.stop(root.id);
  };
  vm.pendingDone.set(root.id, finish);
  const asks = vm.failure === undefined && vm.has("proxy_on_done");
  const done = asks ? vm.call("proxy_on_done", root, vm.rootCalls, root.id) !== 0 : true;
  if (done && vm.pendingDone.delete(root.id)) finish();
}
