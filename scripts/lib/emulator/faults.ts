import { CALL_NAMES, callIndex } from "./calls.ts";
import type { ByteString } from "./bytes.ts";
import type { VmMemory } from "./memory.ts";

export type HostArgument = number | bigint;
export type HostFunction = (...args: HostArgument[]) => number | undefined;

/** The calling VM: a hook may read its memory and call its exports while the callback waits. */
export interface CallingVm {
  readonly memory: VmMemory;
  /** An exported function; throws RangeError where there is none. Its host calls count as the callback's. */
  exported(name: string): (...args: HostArgument[]) => number | undefined;
}

/** One call of a host function, as a fault sees it. */
export interface HostCall {
  readonly name: string;
  /** "main", "worker0", ... */
  readonly thread: string;
  readonly vm: CallingVm;
  /** The context the filter runs in: a stream's or a root's id. */
  readonly contextId: number;
  readonly args: readonly HostArgument[];
  /** Which matching call this is, from 1, since the fault was set. */
  readonly nth: number;
  /** Reads the VM's memory, e.g. `read(args[0], args[1])` for a key; undefined out of bounds. */
  read(pointer: HostArgument | undefined, size: HostArgument | undefined): ByteString | undefined;
}

export interface FaultOptions {
  /** Only this matching call, from 1. */
  readonly nth?: number;
  /** At most this many hits, then the fault is spent. */
  readonly times?: number;
  /** Only on this thread: "main", "worker0", ... */
  readonly thread?: string;
  /** Only calls for which this holds. Calls it rejects do not count for `nth`. */
  readonly when?: (call: HostCall) => boolean;
}

/** A fault that was set; `hits` says how often it struck. */
export interface Fault {
  readonly hits: number;
  remove(): void;
}

type Action =
  | { readonly kind: "status"; readonly status: number }
  | { readonly kind: "before"; readonly hook: (call: HostCall) => void }
  | { readonly kind: "after"; readonly hook: (call: HostCall, result: number | undefined) => void };

interface Entry {
  readonly action: Action;
  readonly options: FaultOptions;
  seen: number;
  hits: number;
}

/** Host failures and interleavings for all VMs of a proxy. */
export class Faults {
  /** By call index; undefined where nothing is set, so that an unfaulted call costs one load. */
  readonly table: (Entry[] | undefined)[] = CALL_NAMES.map(() => undefined);

  /** The function does nothing and returns `status`. For "malloc", 0 is an allocation that failed. */
  fail(name: string, status: number, options: FaultOptions = {}): Fault {
    return this.#set(name, { kind: "status", status }, options);
  }

  /** Runs a hook before the function; the hook may use other workers, not the calling one. */
  before(name: string, hook: (call: HostCall) => void, options: FaultOptions = {}): Fault {
    return this.#set(name, { kind: "before", hook }, options);
  }

  /** Runs a hook after the function, with what it returned. */
  after(
    name: string,
    hook: (call: HostCall, result: number | undefined) => void,
    options: FaultOptions = {},
  ): Fault {
    return this.#set(name, { kind: "after", hook }, options);
  }

  clear(): void {
    this.table.fill(undefined);
  }

  /** Runs a call through its faults. `describe` gives the call for a count. */
  run(
    entries: readonly Entry[],
    describe: (nth: number) => HostCall,
    real: () => number | undefined,
  ): number | undefined {
    const struck: { entry: Entry; call: HostCall }[] = [];
    for (const entry of entries) {
      const call = strike(entry, describe);
      if (call !== undefined) struck.push({ entry, call });
    }
    for (const { entry, call } of struck) if (entry.action.kind === "before") entry.action.hook(call);
    const status = struck.map(({ entry }) => entry.action).find((action) => action.kind === "status");
    const result = status === undefined ? real() : status.status;
    for (const { entry, call } of struck) if (entry.action.kind === "after") entry.action.hook(call, result);
    return result;
  }

  #set(name: string, action: Action, options: FaultOptions): Fault {
    const index = callIndex(name);
    const entry: Entry = { action, options, seen: 0, hits: 0 };
    this.table[index] = [...(this.table[index] ?? []), entry];
    return {
      get hits() {
        return entry.hits;
      },
      remove: () => {
        const rest = (this.table[index] ?? []).filter((one) => one !== entry);
        this.table[index] = rest.length > 0 ? rest : undefined;
      },
    };
  }
}

function strike(entry: Entry, describe: (nth: number) => HostCall): HostCall | undefined {
  const { thread, when, nth, times } = entry.options;
  const call = describe(entry.seen + 1);
  if (thread !== undefined && thread !== call.thread) return undefined;
  if (when !== undefined && !when(call)) return undefined;
  entry.seen++;
  if (nth !== undefined && nth !== entry.seen) return undefined;
  if (times !== undefined && entry.hits >= times) return undefined;
  entry.hits++;
  return call;
}
