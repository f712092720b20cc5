import type { RootContext } from "./base-context.ts";
import type { BaseVm } from "./base-vm.ts";
import type { ProcessState } from "./host-types.ts";
import { createRoot, endRoot, type PluginSpec } from "./lifecycle.ts";
import { Vm } from "./vm.ts";

const LEVEL_CRITICAL = 5;

interface LocalVm {
  readonly vm: Vm;
  readonly base: BaseVm;
  handles: number;
}

/** One plugin configuration at work in one VM: lives as long as the configuration or a stream uses it. */
export class PluginHandle {
  readonly vm: Vm;
  readonly root: RootContext;
  readonly spec: PluginSpec;
  readonly #dispose: () => void;
  #uses = 0;

  constructor(vm: Vm, root: RootContext, spec: PluginSpec, dispose: () => void) {
    this.vm = vm;
    this.root = root;
    this.spec = spec;
    this.#dispose = dispose;
  }

  acquire(): this {
    this.#uses++;
    return this;
  }

  release(): void {
    this.#uses--;
    if (this.#uses === 0) this.#dispose();
  }
}

function trapped(vm: Vm): boolean {
  return vm.failure?.state === "RuntimeError";
}

/** A thread of Envoy: the main one ("main") or a worker. It has one VM a module and one root a plugin key. */
export class Thread {
  readonly name: string;
  readonly #process: ProcessState;
  readonly #vms = new Map<string, LocalVm>();
  readonly #alive = new Set<LocalVm>();
  readonly #handles = new Map<string, PluginHandle>();

  constructor(name: string, process: ProcessState) {
    this.name = name;
    this.#process = process;
  }

  /** The running handle of a plugin key, else a new root in this thread's VM; undefined where the filter refused. */
  obtain(base: BaseVm, spec: PluginSpec): PluginHandle | undefined {
    const key = `${base.key}||${spec.key}`;
    const running = this.#handles.get(key);
    if (running !== undefined && !trapped(running.vm)) return running;
    const local = this.#obtainVm(base);
    const result = createRoot(local.vm, spec);
    if ("refused" in result) {
      this.#process.log.add(LEVEL_CRITICAL, `thread-local ${result.refused}`, "envoy", this.name);
      endRoot(local.vm, result.root);
      if (local.handles === 0) this.#drop(local);
      return undefined;
    }
    local.handles++;
    const handle: PluginHandle = new PluginHandle(local.vm, result.root, spec, () => {
      if (this.#handles.get(key) === handle) this.#handles.delete(key);
      endRoot(local.vm, result.root);
      local.handles--;
      if (local.handles === 0) this.#drop(local);
    });
    this.#handles.set(key, handle);
    return handle;
  }

  /** When this thread's next tick is due. */
  nextTick(): bigint | undefined {
    let next: bigint | undefined;
    for (const { vm } of this.#alive) {
      const due = vm.timers.next();
      if (due !== undefined && (next === undefined || due < next)) next = due;
    }
    return next;
  }

  /** Runs the ticks that are due. */
  tick(): void {
    for (const { vm } of this.#alive) {
      vm.timers.fire((rootId) => {
        const root = vm.contexts.get(rootId);
        const ticks = vm.failure === undefined && root !== undefined && vm.has("proxy_on_tick");
        if (ticks) vm.call("proxy_on_tick", root, vm.rootCalls, rootId);
      });
    }
  }

  #obtainVm(base: BaseVm): LocalVm {
    const running = this.#vms.get(base.key);
    if (running !== undefined && !trapped(running.vm)) return running;
    const local: LocalVm = {
      vm: new Vm(base.source, this.#process, this.name),
      base: base.acquire(),
      handles: 0,
    };
    this.#vms.set(base.key, local);
    this.#alive.add(local);
    return local;
  }

  #drop(local: LocalVm): void {
    if (this.#vms.get(local.base.key) === local) this.#vms.delete(local.base.key);
    if (this.#alive.delete(local)) local.base.release();
  }
}
