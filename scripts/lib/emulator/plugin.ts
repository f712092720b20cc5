import type { BaseVm } from "./base-vm.ts";
import type { CallCounts } from "./calls.ts";
import type { ProcessState } from "./host-types.ts";
import type { PluginSpec } from "./lifecycle.ts";
import { millis } from "./clock.ts";
import { Observation } from "./observation.ts";
import { runRequest, type RequestOptions } from "./request.ts";
import { Stream, type StreamOptions } from "./stream.ts";
import type { PluginHandle, Thread } from "./thread.ts";
import type { Vm } from "./vm.ts";

/** What a worker needs of its proxy. */
export interface WorkerHost {
  readonly process: ProcessState;
  /** Moves the clocks and fires the ticks that come due. */
  advanceNanos(nanos: bigint): void;
}

/** What became of reloads under FAIL_RELOAD: `wasm.<plugin>.vm_reload_*`. */
export interface ReloadCounts {
  success: number;
  failure: number;
  backoff: number;
}

/** A plugin on one worker (or on the main thread, which takes no traffic but ticks). */
export class PluginWorker {
  readonly thread: Thread;
  readonly reloads: ReloadCounts = { success: 0, failure: 0, backoff: 0 };
  readonly #host: WorkerHost;
  #base: BaseVm;
  #spec: PluginSpec;
  #handle: PluginHandle | undefined;
  #lastLoad: bigint;

  constructor(thread: Thread, host: WorkerHost, base: BaseVm, spec: PluginSpec) {
    this.thread = thread;
    this.#host = host;
    this.#base = base;
    this.#spec = spec;
    this.#handle = thread.obtain(base, spec)?.acquire();
    this.#lastLoad = host.process.clock.monotonicNanos;
  }

  /** Runs one request from its headers to `proxy_on_delete`. */
  request(options: RequestOptions = {}): Observation {
    return runRequest(this.stream(options), options, this.#host);
  }

  /** Opens a stream to be driven step by step. Its context id is taken now. */
  stream(options: StreamOptions = {}): Stream {
    return new Stream(this.#handleForStream(), this.#spec.failurePolicy, this.#host.process, options);
  }

  /** The VM now; throws where the filter refused its start on this thread. */
  get vm(): Vm {
    if (this.#handle === undefined) throw new Error(`no VM on ${this.thread.name}: the filter refused there`);
    return this.#handle.vm;
  }

  /** The size of the VM's linear memory. */
  get memoryBytes(): number {
    return this.vm.memory.byteLength;
  }

  /** Whether the VM is dead, and of what. */
  get failure(): string | undefined {
    return this.#handle?.vm.failure?.message;
  }

  /** Calls made outside streams: start, configuration, ticks. */
  get rootCalls(): CallCounts {
    return this.vm.rootCalls;
  }

  /** The id of the root context that new streams belong to. */
  get rootContextId(): number | undefined {
    return this.#handle?.root.id;
  }

  /** Takes a new configuration; the old root ends with its last stream. */
  replace(base: BaseVm, spec: PluginSpec): void {
    const old = this.#handle;
    this.#base = base;
    this.#spec = spec;
    this.#handle = this.thread.obtain(base, spec)?.acquire();
    this.#lastLoad = this.#host.process.clock.monotonicNanos;
    old?.release();
  }

  remove(): void {
    this.#handle?.release();
    this.#handle = undefined;
  }

  #handleForStream(): PluginHandle | undefined {
    const handle = this.#handle;
    const reloads =
      handle?.vm.failure?.state === "RuntimeError" && this.#spec.failurePolicy === "FAIL_RELOAD";
    if (reloads) this.#reload();
    return this.#handle;
  }

  #reload(): void {
    const now = this.#host.process.clock.monotonicNanos;
    if (now - this.#lastLoad < millis(this.#spec.reloadBackoffMillis)) {
      this.reloads.backoff++;
      return;
    }
    this.#lastLoad = now;
    const fresh = this.thread.obtain(this.#base, this.#spec);
    if (fresh === undefined || fresh.vm.failure !== undefined) {
      this.reloads.failure++;
      return;
    }
    this.reloads.success++;
    const old = this.#handle;
    this.#handle = fresh.acquire();
    old?.release();
  }
}
