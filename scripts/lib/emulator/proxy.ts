import { BaseVm, vmKeyOf } from "./base-vm.ts";
import { toByteString, type ByteString } from "./bytes.ts";
import { CallCounts } from "./calls.ts";
import { Clock, millis } from "./clock.ts";
import { Faults } from "./faults.ts";
import type { HostError, ProcessState } from "./host-types.ts";
import type { FailurePolicy, PluginSpec } from "./lifecycle.ts";
import { Log } from "./log.ts";
import { MAX_MEMORY_PAGES, loadModule } from "./module.ts";
import { PluginWorker, type WorkerHost } from "./plugin.ts";
import { encodeProperties, type PropertyValue } from "./properties.ts";
import { SharedData } from "./shared-data.ts";
import { SharedQueues } from "./shared-queues.ts";
import { StatsStore } from "./stats.ts";
import type { StatTags } from "./stat-names.ts";
import { Thread } from "./thread.ts";

export interface ProxyOptions {
  /** Envoy's `--concurrency`; default 1. `load` may still set it before anything is loaded. */
  readonly workers?: number;
  /** Which labels are cut out of stat names; default all that are spelled right. */
  readonly statTags?: StatTags;
}

export interface LoadOptions {
  readonly wasm: Uint8Array;
  readonly workers?: number;
  /** Default "tickgate". */
  readonly rootId?: string;
  /** Default: `rootId`. */
  readonly name?: string;
  /** The plugin configuration; text as UTF-8, an object as JSON. Default: empty. */
  readonly configuration?: string | Uint8Array | object;
  readonly vmId?: string;
  readonly vmConfiguration?: string;
  /** Environment of the VM. Not part of the VM's key: the first plugin's counts. */
  readonly env?: Readonly<Record<string, string>>;
  readonly failurePolicy?: FailurePolicy;
  /** FAIL_RELOAD: no reload sooner than this after a load. Default 1000. */
  readonly reloadBackoffMillis?: number;
  /** Property values all streams and roots of the plugin see, by dotted path (`xds.node.id`). */
  readonly properties?: Readonly<Record<string, PropertyValue>>;
  /** Lowers the memory limit (Envoy's is 16384 pages of 64 KiB), to test refused growth. */
  readonly maxMemoryPages?: number;
}

function configurationBytes(configuration: LoadOptions["configuration"]): ByteString {
  if (configuration === undefined) return "";
  if (typeof configuration === "string" || configuration instanceof Uint8Array)
    return toByteString(configuration);
  return toByteString(JSON.stringify(configuration));
}

function specOf(options: LoadOptions): PluginSpec {
  const rootId = options.rootId ?? "tickgate";
  const name = options.name ?? rootId;
  const configuration = configurationBytes(options.configuration);
  const own: Record<string, PropertyValue> = {
    plugin_name: name,
    plugin_root_id: rootId,
    plugin_vm_id: options.vmId ?? "",
  };
  return {
    name,
    rootId,
    configuration,
    key: JSON.stringify([rootId, configuration, name]),
    failurePolicy: options.failurePolicy ?? "FAIL_CLOSED",
    reloadBackoffMillis: options.reloadBackoffMillis ?? 1000,
    properties: new Map(encodeProperties({ ...own, ...options.properties })),
  };
}

/** A plugin configuration that was accepted, on the main thread and on every worker. */
export class Plugin {
  /** The main thread's instance: it ticks, but takes no requests. */
  readonly main: PluginWorker;
  readonly workers: readonly PluginWorker[];
  readonly #proxy: Proxy;
  #options: LoadOptions;
  #base: BaseVm;

  /** Use `Proxy.load`. */
  constructor(proxy: Proxy, options: LoadOptions, threads: readonly Thread[]) {
    const { base, spec } = proxy.accept(options);
    this.#proxy = proxy;
    this.#options = options;
    this.#base = base;
    const [main, ...workers] = threads.map((thread) => new PluginWorker(thread, proxy, base, spec));
    if (main === undefined) throw new Error("a proxy has a main thread");
    this.main = main;
    this.workers = workers;
  }

  /** A worker by number; throws RangeError past the proxy's concurrency. */
  worker(index = 0): PluginWorker {
    const worker = this.workers[index];
    if (worker === undefined) throw new RangeError(`worker ${index} of ${this.workers.length}`);
    return worker;
  }

  /** An xDS update. Throws LoadError where the filter refuses: then nothing has changed. */
  update(changes: Partial<Omit<LoadOptions, "workers">>): void {
    const options = { ...this.#options, ...changes };
    const { base, spec } = this.#proxy.accept(options);
    const old = this.#base;
    this.#options = options;
    this.#base = base;
    for (const worker of [this.main, ...this.workers]) worker.replace(base, spec);
    old.release();
  }

  /** The plugin leaves the configuration; its roots and VMs go once their last stream has ended. */
  remove(): void {
    for (const worker of [this.main, ...this.workers]) worker.remove();
    this.#base.release();
  }
}

/** An Envoy process: what all plugins, VMs and workers in it share. Time stands still until a test moves it. */
export class Proxy implements WorkerHost {
  readonly process: ProcessState;
  readonly #bases = new Map<string, BaseVm>();
  readonly #vmIdUses = new Map<string, number>();
  #concurrency: number;
  #threads: readonly Thread[] | undefined;

  constructor(options: ProxyOptions = {}) {
    this.#concurrency = options.workers ?? 1;
    this.process = {
      clock: new Clock(),
      sharedData: new SharedData(),
      sharedQueues: new SharedQueues(),
      stats: new StatsStore(options.statTags),
      log: new Log(),
      faults: new Faults(),
      calls: new CallCounts(),
      errors: [],
    };
  }

  get clock(): Clock {
    return this.process.clock;
  }

  get sharedData(): SharedData {
    return this.process.sharedData;
  }

  get stats(): StatsStore {
    return this.process.stats;
  }

  get log(): Log {
    return this.process.log;
  }

  get faults(): Faults {
    return this.process.faults;
  }

  /** Host calls of all VMs; `reset()` starts a measurement. */
  get calls(): CallCounts {
    return this.process.calls;
  }

  /** Misuses of the host so far. A good filter leaves this empty. */
  get errors(): readonly HostError[] {
    return this.process.errors;
  }

  /** Loads a plugin: base VM, canary, then the main thread and every worker. Throws LoadError in Envoy's words. */
  load(options: LoadOptions): Plugin {
    return new Plugin(this, options, this.#obtainThreads(options.workers));
  }

  /** Moves time by milliseconds, firing ticks in order, each at its own moment. */
  advance(milliseconds: number): void {
    this.advanceNanos(millis(milliseconds));
  }

  /** Moves time by nanoseconds, as `advance`. */
  advanceNanos(nanos: bigint): void {
    const { clock } = this.process;
    const end = clock.monotonicNanos + nanos;
    for (;;) {
      const next = this.#nextTick();
      if (next === undefined || next > end) break;
      if (next > clock.monotonicNanos) clock.move(next - clock.monotonicNanos);
      for (const thread of this.#threads ?? []) thread.tick();
    }
    clock.move(end - clock.monotonicNanos);
  }

  /** Checks the module and tries the configuration; for `Plugin`. The base is acquired. */
  accept(options: LoadOptions): { base: BaseVm; spec: PluginSpec } {
    const spec = specOf(options);
    const base = this.#obtainBase(options).acquire();
    try {
      base.canary(spec);
    } catch (error) {
      base.release();
      throw error;
    }
    return { base, spec };
  }

  #obtainBase(options: LoadOptions): BaseVm {
    const { vmId = "", vmConfiguration = "", wasm } = options;
    const key = vmKeyOf(vmId, vmConfiguration, wasm);
    const running = this.#bases.get(key);
    if (running !== undefined) return running;
    const source = {
      checked: loadModule(wasm, options.maxMemoryPages ?? MAX_MEMORY_PAGES),
      vmId,
      vmConfiguration: toByteString(vmConfiguration),
      env: Object.entries(options.env ?? {}),
    };
    const base = new BaseVm(key, source, this.process, () => this.#dropBase(key, vmId));
    this.#bases.set(key, base);
    this.#vmIdUses.set(vmId, (this.#vmIdUses.get(vmId) ?? 0) + 1);
    return base;
  }

  // Shared data goes with the last base VM of its vm_id (proxy-wasm-cpp-host vm_id_handle.cc).
  #dropBase(key: string, vmId: string): void {
    this.#bases.delete(key);
    const uses = (this.#vmIdUses.get(vmId) ?? 1) - 1;
    this.#vmIdUses.set(vmId, uses);
    if (uses === 0) this.process.sharedData.erase(vmId);
  }

  #obtainThreads(workers: number | undefined): readonly Thread[] {
    if (this.#threads === undefined) {
      this.#concurrency = workers ?? this.#concurrency;
      const names = ["main", ...Array.from({ length: this.#concurrency }, (_, index) => `worker${index}`)];
      this.#threads = names.map((name) => new Thread(name, this.process));
    } else if (workers !== undefined && workers !== this.#concurrency) {
      throw new RangeError(`this proxy runs ${this.#concurrency} workers already, not ${workers}`);
    }
    return this.#threads;
  }

  #nextTick(): bigint | undefined {
    let next: bigint | undefined;
    for (const thread of this.#threads ?? []) {
      const due = thread.nextTick();
      if (due !== undefined && (next === undefined || due < next)) next = due;
    }
    return next;
  }
}
