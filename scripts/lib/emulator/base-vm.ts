import { createHash } from "node:crypto";
import type { ProcessState } from "./host-types.ts";
import { createRoot, type PluginSpec } from "./lifecycle.ts";
import { LoadError } from "./module.ts";
import { Vm, type VmSource } from "./vm.ts";

const REFUSALS = {
  StartFailed: "Failed to start base Wasm",
  ConfigureFailed: "Failed to configure base Wasm plugin",
};

/** Envoy's vm_key: the environment is not part of it, so plugins that differ only there share a VM. */
export function vmKeyOf(vmId: string, vmConfiguration: string, wasm: Uint8Array): string {
  return createHash("sha256").update(vmId).update(vmConfiguration).update(wasm).digest("hex");
}

/** The VM on the main thread that others are cloned from. It is initialised, never started. */
export class BaseVm {
  readonly key: string;
  readonly source: VmSource;
  readonly #process: ProcessState;
  readonly #onGone: () => void;
  readonly #canaries = new Map<string, boolean>();
  #uses = 0;

  /** Instantiates and initialises; throws LoadError. */
  constructor(key: string, source: VmSource, process: ProcessState, onGone: () => void) {
    this.key = key;
    this.source = source;
    this.#process = process;
    this.#onGone = onGone;
    void new Vm(source, process, "main");
  }

  acquire(): this {
    this.#uses++;
    return this;
  }

  release(): void {
    this.#uses--;
    if (this.#uses === 0) this.#onGone();
  }

  /**
   * Tries a configuration in a throw-away clone on the main thread; throws LoadError where the filter refuses.
   * What `proxy_on_configure` said is remembered for the plugin key, a refusal too. The clone is dropped without
   * `proxy_on_done`, whatever it said.
   */
  canary(spec: PluginSpec): void {
    const known = this.#canaries.get(spec.key);
    if (known === true) return;
    if (known === false) throw refusal(spec, `${REFUSALS.ConfigureFailed} (cached)`);
    const vm = new Vm(this.source, this.#process, "main");
    const result = createRoot(vm, spec);
    if (!("refused" in result)) {
      this.#canaries.set(spec.key, true);
      return;
    }
    const reason = REFUSALS[result.refused];
    if (result.refused === "ConfigureFailed") this.#canaries.set(spec.key, false);
    const trap = vm.failure?.message;
    vm.fail({ state: result.refused, message: reason });
    throw refusal(spec, trap === undefined ? reason : `${reason}: ${trap}`);
  }
}

function refusal(spec: PluginSpec, reason: string): LoadError {
  return new LoadError(`Unable to create Wasm plugin ${spec.name}: ${reason}`);
}
