import { BaseContext } from "./base-context.ts";
import { toByteString, type ByteString } from "./bytes.ts";
import { CallCounts, MALLOC, callIndex } from "./calls.ts";
import type { HostArgument, HostCall, HostFunction } from "./faults.ts";
import { generalFunctions } from "./host-general.ts";
import { headerFunctions } from "./host-headers.ts";
import { metricFunctions } from "./host-metrics.ts";
import { sharedFunctions } from "./host-shared.ts";
import { streamFunctions } from "./host-stream.ts";
import type { HostContext, HostFunctions, ProcessState, VmHost } from "./host-types.ts";
import { wasiFunctions } from "./host-wasi.ts";
import type { HostImport } from "./imports.ts";
import { VmMemory } from "./memory.ts";
import { MetricTable } from "./metric-table.ts";
import { LoadError, type CheckedModule } from "./module.ts";
import { Status } from "./status.ts";
import { Timers } from "./timers.ts";
import {
  ALLOWED_IN_INITIALIZE,
  ALLOWED_IN_MALLOC,
  RestrictedCallback,
  isTrap,
  trapMessage,
} from "./traps.ts";

/** What a VM is made from. */
export interface VmSource {
  readonly checked: CheckedModule;
  readonly vmId: string;
  readonly vmConfiguration: ByteString;
  readonly env: readonly (readonly [string, string])[];
}

/** Why a VM is dead. Only a RuntimeError (a trap) can be answered by a reload. */
export interface VmFailure {
  readonly state: "RuntimeError" | "StartFailed" | "ConfigureFailed" | "UnableToInitializeCode";
  readonly message: string;
}

/** An exported function: i32 parameters come as numbers, i64 as bigints. */
export type Exported = (...args: (number | bigint)[]) => number | undefined;

const LEVEL_ERROR = 4;
const MALLOC_INDEX = callIndex(MALLOC);

// The import's type was checked when the module was loaded: arguments come as the function declares them.
function asHostFunction(implementation: HostFunctions[string]): HostFunction {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return implementation as HostFunction;
}

function asExported(value: unknown): Exported | undefined {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return typeof value === "function" ? (value as Exported) : undefined;
}

/** One instance of a module on one thread: its memory, contexts, metric ids, timers, and the host behind it. */
export class Vm implements VmHost {
  readonly process: ProcessState;
  readonly thread: string;
  readonly vmId: string;
  readonly vmConfiguration: ByteString;
  readonly env: readonly (readonly [string, string])[];
  readonly metrics: MetricTable;
  readonly memory: VmMemory;
  readonly timers: Timers;
  readonly contexts = new Map<number, HostContext>();
  /** Calls made outside any stream: start, configuration, ticks. */
  readonly rootCalls = new CallCounts();
  /** Roots that answered 0 to `proxy_on_done`, with what to do once they call `proxy_done`. */
  readonly pendingDone = new Map<number, () => void>();
  readonly #exports = new Map<string, Exported>();
  readonly #malloc: Exported;
  readonly #vmContext: HostContext;
  readonly #afterCall: (() => void)[] = [];
  #failure: VmFailure | undefined;
  #nextContextId = 1;
  #current: HostContext | undefined;
  #effective: HostContext | undefined;
  #calls = this.rootCalls;
  #allowed: ReadonlySet<string> | undefined;

  /** Makes the instance and runs `_initialize`; throws LoadError. */
  constructor(source: VmSource, process: ProcessState, thread: string) {
    this.process = process;
    this.thread = thread;
    this.vmId = source.vmId;
    this.vmConfiguration = source.vmConfiguration;
    this.env = source.env;
    this.metrics = new MetricTable(process.stats);
    this.timers = new Timers(process.clock);
    this.#vmContext = new BaseContext(0, source.vmConfiguration);
    this.contexts.set(0, this.#vmContext);
    const instance = this.#instantiate(source.checked);
    const memory = instance.exports["memory"];
    if (!(memory instanceof WebAssembly.Memory)) throw new LoadError("the module exports no memory");
    this.memory = new VmMemory(memory, (size) => this.#allocate(size));
    for (const [name, value] of Object.entries(instance.exports)) {
      const exported = asExported(value);
      if (exported !== undefined) this.#exports.set(name, exported);
    }
    const malloc = this.#exports.get("malloc") ?? this.#exports.get("proxy_on_memory_allocate");
    if (malloc === undefined) throw new LoadError("Wasm module is missing malloc function.");
    this.#malloc = malloc;
    this.#initialize();
  }

  get failure(): VmFailure | undefined {
    return this.#failure;
  }

  /** The first failure stays. It is logged as Envoy logs it. */
  fail(failure: VmFailure): void {
    this.#failure ??= failure;
    this.process.log.add(
      LEVEL_ERROR,
      toByteString(`Wasm VM failed ${failure.message}`),
      "envoy",
      this.thread,
    );
  }

  allocateContextId(): number {
    return this.#nextContextId++;
  }

  has(name: string): boolean {
    return this.#exports.has(name);
  }

  /** A function of the module itself, for a fault's hook to act from inside the running callback. */
  exported(name: string): Exported {
    const exported = this.#exports.get(name);
    if (exported === undefined) throw new RangeError(`the module exports no function ${name}`);
    return exported;
  }

  /** Runs an exported function; a trap kills the VM and gives 0, as does an absent one. Counts go to `calls`. */
  call(name: string, context: HostContext, calls: CallCounts, a: number, b = 0, c = 0): number {
    const exported = this.#exports.get(name);
    if (exported === undefined) return 0;
    if (this.#current !== undefined)
      throw new Error(`${name}: the VM on ${this.thread} is busy; Envoy never re-enters`);
    this.#current = context;
    this.#calls = calls;
    let result = 0;
    try {
      result = exported(a, b, c) ?? 0;
    } catch (error) {
      if (!isTrap(error)) throw error;
      this.fail({ state: "RuntimeError", message: `Function: ${name} failed: ${trapMessage(error)}` });
    } finally {
      this.#current = undefined;
      this.#effective = undefined;
      this.#calls = this.rootCalls;
    }
    if (this.#afterCall.length > 0) for (const action of this.#afterCall.splice(0)) action();
    return result;
  }

  /** Puts something off until the running callback has returned. */
  defer(action: () => void): void {
    this.#afterCall.push(action);
  }

  context(): HostContext {
    return this.#effective ?? this.#current ?? this.#vmContext;
  }

  setEffectiveContext(id: number): boolean {
    const context = this.contexts.get(id);
    if (context !== undefined) this.#effective = context;
    return context !== undefined;
  }

  setTickPeriod(rootId: number, periodMillis: number): void {
    this.timers.set(rootId, periodMillis);
  }

  done(rootId: number): Status {
    const finish = this.pendingDone.get(rootId);
    if (finish === undefined) return Status.NotFound;
    this.pendingDone.delete(rootId);
    this.defer(finish);
    return Status.Ok;
  }

  #instantiate(checked: CheckedModule): WebAssembly.Instance {
    const functions: HostFunctions = {
      ...generalFunctions(this),
      ...sharedFunctions(this),
      ...headerFunctions(this),
      ...metricFunctions(this),
      ...streamFunctions(this),
      ...wasiFunctions(this),
    };
    const imports: Record<string, Record<string, HostFunction>> = {};
    for (const one of checked.imports) {
      const real = functions[one.name];
      if (real === undefined) throw new Error(`the emulator lacks ${one.module}.${one.name}`);
      (imports[one.module] ??= {})[one.name] = this.#wrap(one, real);
    }
    try {
      return new WebAssembly.Instance(checked.module, imports);
    } catch (error) {
      if (!isTrap(error)) throw error;
      throw new LoadError("Failed to create new Wasm instance", { cause: error });
    }
  }

  #initialize(): void {
    const start = this.has("_initialize") ? ["_initialize", "main"] : ["_start"];
    this.#allowed = ALLOWED_IN_INITIALIZE;
    for (const name of start) this.call(name, this.#vmContext, this.rootCalls, 0);
    this.#allowed = undefined;
    if (this.#failure !== undefined) {
      throw new LoadError(`Failed to initialize Wasm code: ${this.#failure.message}`);
    }
  }

  // The hot path of every test: counts and one table look-up, then the function itself.
  #wrap(imported: HostImport, implementation: HostFunctions[string]): HostFunction {
    const { name } = imported;
    const real = asHostFunction(implementation);
    const path = `${imported.module}.${name}`;
    const index = callIndex(name);
    const totals = this.process.calls.counts;
    const faults = this.process.faults.table;
    return (...args) => {
      if (this.#current === undefined) {
        // Envoy dereferences a null context here and may crash.
        throw new LoadError(`${path} was called from the module's start section, before any context exists`);
      }
      if (this.#allowed !== undefined && !this.#allowed.has(path)) throw new RestrictedCallback();
      this.#count(totals, index);
      if (faults[index] === undefined) return real(...args);
      return this.#faulted(name, index, args, () => real(...args));
    };
  }

  #count(totals: Uint32Array, index: number): void {
    const { counts } = this.#calls;
    totals[index] = (totals[index] ?? 0) + 1;
    counts[index] = (counts[index] ?? 0) + 1;
  }

  #faulted(name: string, index: number, args: readonly HostArgument[], real: () => number | undefined) {
    const { faults } = this.process;
    const read: HostCall["read"] = (pointer, size) =>
      this.memory.text(Number(pointer ?? 0), Number(size ?? 0));
    const { thread } = this;
    const contextId = this.context().id;
    const describe = (nth: number): HostCall => ({ name, thread, vm: this, contextId, args, nth, read });
    return faults.run(faults.table[index] ?? [], describe, real);
  }

  #allocate(size: number): number {
    this.#count(this.process.calls.counts, MALLOC_INDEX);
    const faulted = this.process.faults.table[MALLOC_INDEX] !== undefined;
    const pointer = faulted ? this.#faultedMalloc(size) : this.#callMalloc(size);
    if (pointer !== 0) {
      this.process.calls.bytesCopied += size;
      this.#calls.bytesCopied += size;
    }
    return pointer;
  }

  #faultedMalloc(size: number): number {
    return this.#faulted(MALLOC, MALLOC_INDEX, [size], () => this.#callMalloc(size)) ?? 0;
  }

  #callMalloc(size: number): number {
    const current = this.#current;
    const effective = this.#effective;
    const allowed = this.#allowed;
    this.#current = this.#vmContext;
    this.#effective = undefined;
    this.#allowed = ALLOWED_IN_MALLOC;
    try {
      return this.#malloc(size) ?? 0;
    } catch (error) {
      if (!isTrap(error)) throw error;
      // The host sees a failed allocation and goes on; the VM is dead all the same.
      this.fail({ state: "RuntimeError", message: `Function: malloc failed: ${trapMessage(error)}` });
      return 0;
    } finally {
      this.#current = current;
      this.#effective = effective;
      this.#allowed = allowed;
    }
  }
}
