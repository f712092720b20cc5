import {
  Proxy,
  type CallingVm,
  type LoadOptions,
  type Plugin,
  type ProxyOptions,
} from "../../../scripts/lib/emulator/index.ts";
import { probe } from "./probes.ts";

const CALLBACKS = [
  "context_create",
  "vm_start",
  "configure",
  "request_headers",
  "response_headers",
  "log",
  "done",
  "delete",
  "tick",
] as const;
type Callback = (typeof CALLBACKS)[number];

type Argument = number | bigint | string;

/** What a host call gave: its status, and the value it put into the probe's memory, if any. */
export interface Answer {
  readonly status: number;
  readonly value: string;
}

const OUT_SIZE = 64;

/** Makes host calls from inside the probe's callback that is stopped at its breakpoint. */
export class Inside {
  readonly vm: CallingVm;
  /** "main", "worker0", ... */
  readonly thread: string;
  readonly contextId: number;
  #top: number;

  constructor(vm: CallingVm, thread: string, contextId: number) {
    this.vm = vm;
    this.thread = thread;
    this.contextId = contextId;
    this.#top = this.out + OUT_SIZE;
  }

  /** Where results go: four words and more. */
  get out(): number {
    return this.vm.exported("scratch")() ?? 0;
  }

  /** Calls a wrapper; each text becomes a pointer and a length. */
  call(name: string, ...args: Argument[]): number {
    const flat = args.flatMap((arg) => (typeof arg === "string" ? this.put(arg) : [arg]));
    return this.vm.exported(name)(...flat) ?? 0;
  }

  /** Calls a wrapper that ends with a pointer and a size to fill. */
  read(name: string, ...args: Argument[]): Answer {
    this.vm.memory.writeU32(this.out + 4, 0);
    const status = this.call(name, ...args, this.out, this.out + 4);
    return {
      status,
      value: status === 0 ? (this.vm.memory.text(this.u32(0), this.u32(4)) ?? "out of bounds") : "",
    };
  }

  /** Reads shared data with its cas (at out + 8). */
  shared(key: string): Answer & { cas: number } {
    const status = this.call("get_shared_data", key, this.out, this.out + 4, this.out + 8);
    const value = status === 0 ? (this.vm.memory.text(this.u32(0), this.u32(4)) ?? "") : "";
    return { status, value, cas: this.u32(8) };
  }

  define(kind: number, name: string): number {
    this.call("define_metric", kind, name, this.out);
    return this.u32(0);
  }

  /** A word of the results. */
  u32(offset: number): number {
    return this.vm.memory.bytes.readUInt32LE(this.out + offset);
  }

  u64(offset: number): bigint {
    return this.vm.memory.bytes.readBigUInt64LE(this.out + offset);
  }

  put(text: string): [number, number] {
    const start = this.#top;
    this.vm.memory.writeBytes(start, text);
    this.#top += text.length + 1;
    return [start, text.length];
  }
}

/** A proxy with the probe loaded, and a way into its callbacks. */
export class Remote {
  readonly proxy: Proxy;
  readonly wasm: Uint8Array;
  readonly #hooks = new Map<Callback, (inside: Inside) => void>();

  constructor(wasm: Uint8Array, options: ProxyOptions = {}) {
    this.proxy = new Proxy(options);
    this.wasm = wasm;
    this.proxy.faults.before("proxy_get_log_level", ({ vm, thread, contextId, args }) => {
      const callback = CALLBACKS[Number(args[0] ?? 0) - (vm.exported("breakpoints")() ?? 0)];
      const hook = callback && this.#hooks.get(callback);
      hook?.(new Inside(vm, thread, contextId));
    });
  }

  /** Runs a hook inside every such callback from now on. */
  at(callback: Callback, hook: (inside: Inside) => void): this {
    this.#hooks.set(callback, hook);
    return this;
  }

  load(options: Partial<LoadOptions> = {}): Plugin {
    return this.proxy.load({ wasm: this.wasm, rootId: "probe", ...options });
  }
}

/** The probe, not loaded yet: for what happens while it loads. */
export async function unloaded(options: ProxyOptions = {}): Promise<Remote> {
  return new Remote(await probe("remote"), options);
}

/** A loaded probe. */
export async function remote(
  options: ProxyOptions = {},
  load: Partial<LoadOptions> = {},
): Promise<Remote & { plugin: Plugin }> {
  const made = await unloaded(options);
  return Object.assign(made, { plugin: made.load(load) });
}

/** Runs `act` inside one callback of a plain request and gives what it returned. */
export async function inside<T>(callback: Callback, act: (inside: Inside) => T): Promise<T> {
  const made = await remote();
  const results: T[] = [];
  made.at(callback, (host) => results.push(act(host)));
  made.plugin.worker().request({ headers: { ":method": "GET", ":path": "/a?b=c", "X-One": ["1", "2"] } });
  const [result] = results;
  if (result === undefined) throw new Error(`${callback} did not run`);
  return result;
}
