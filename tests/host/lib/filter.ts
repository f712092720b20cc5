import assert from "node:assert/strict";
import {
  LoadError,
  Proxy,
  type LabelFilter,
  type LoadOptions,
  type Observation,
  type Plugin,
  type ProxyOptions,
  type Series,
} from "../../../scripts/lib/emulator/index.ts";
import { expectedOf, sendersOf, type Sent } from "./traffic.ts";

/** Counters are written by the filter's tick. */
export const TICK_MILLIS = 500;
const DEFAULT_MAX_SERIES = 2000;
const HASH_KEY = 11;

export type Configuration = string | Uint8Array | object;

export interface GivenOptions extends Partial<Omit<LoadOptions, "wasm" | "configuration">> {
  /** Loads into a proxy that runs already. */
  readonly proxy?: Proxy;
  /** Which labels Envoy cuts out of stat names; default all. */
  readonly statTags?: readonly string[];
}

/** What one request led to, once the filter has written its counters. */
export interface Outcome {
  readonly seen: Observation;
  /** Labels of the one series of `trading_requests_total` that counted it; empty when none did. */
  readonly labels: Readonly<Record<string, string>>;
  /** Its durations as recorded, in microseconds. */
  readonly micros: readonly number[];
  /** How much a metric grew, over all series with these labels. */
  readonly grew: (name: string, labels?: LabelFilter) => number;
}

/** The filter of one configuration, at work in an emulated Envoy. */
export class Filter {
  readonly proxy: Proxy;
  readonly plugin: Plugin;
  /** Highest `maxSeries` of the configurations this filter was given. */
  cap: number;
  /** VMs this test has killed itself. */
  trapsWanted = 0;
  #uncounted = false;

  constructor(wasm: Uint8Array, configuration: Configuration | undefined, options: GivenOptions) {
    const { proxy, statTags, ...load } = options;
    this.proxy = proxy ?? seededProxy(statTags === undefined ? {} : { statTags });
    this.plugin = this.proxy.load({
      wasm,
      ...load,
      ...(configuration === undefined ? {} : { configuration }),
    });
    this.cap = maxSeriesOf(configuration);
  }

  /** Sends one request through a worker, without waiting for the tick. */
  send(sent: Sent = {}): Observation {
    this.#uncounted = true;
    return this.plugin.worker(sent.worker ?? 0).request(sendersOf(sent));
  }

  /** Sends one request and waits until it is counted. */
  when(sent: Sent = {}): Outcome {
    if (this.#uncounted) this.tick();
    const before = this.#snapshot();
    const durations = this.proxy.stats.values("trading_request_duration_us").length;
    const seen = this.send(sent);
    this.tick();
    const after = this.proxy.stats.series();
    const grown = after.filter((one) => one.value > (before.get(one.fullName) ?? 0));
    const counted = grown.filter((one) => one.name === "trading_requests_total");
    assert.ok(counted.length < 2, `one request, counted ${counted.length} times`);
    return {
      seen,
      labels: counted[0]?.labels ?? {},
      micros: this.proxy.stats.values("trading_request_duration_us").slice(durations),
      grew: (name, labels = {}) => growth(grown, before, name, labels),
    };
  }

  /** Lets every VM write what it has gathered. */
  tick(times = 1): void {
    this.#uncounted = false;
    for (let i = 0; i < times; i++) this.proxy.advance(TICK_MILLIS);
  }

  /** The sum of a metric's series with these labels. */
  metric(name: string, labels: LabelFilter = {}): number {
    return this.proxy.stats.value(name, labels);
  }

  /** Requests counted so far with these labels. */
  requests(labels: LabelFilter = {}): number {
    return this.metric("trading_requests_total", labels);
  }

  /** Failures of the filter counted so far. */
  failures(reason?: string): number {
    return this.metric("tickgate_failures_total", reason === undefined ? {} : { reason });
  }

  /** The different values that a label has in a metric. */
  valuesOf(label: string, name = "trading_requests_total"): Set<string> {
    return new Set(this.proxy.stats.series(name).map((one) => one.labels[label] ?? ""));
  }

  /** Takes a new configuration. Returns the filter's message where it refuses it. */
  update(
    configuration: Configuration,
    changes: Partial<Omit<LoadOptions, "workers">> = {},
  ): string | undefined {
    const said = this.refusals().length;
    try {
      this.plugin.update({ configuration, ...changes });
      this.cap = Math.max(this.cap, maxSeriesOf(configuration));
      return undefined;
    } catch (error) {
      if (!(error instanceof LoadError)) throw error;
      return this.refusals()[said] ?? `no message: ${error.message}`;
    }
  }

  /** What the filter said of configurations it refused. */
  refusals(): string[] {
    const start = "configuration refused: ";
    const lines = this.proxy.log.messages({ level: "error", source: "filter" });
    return lines.filter((line) => line.startsWith(start)).map((line) => line.slice(start.length));
  }

  /** Kills a worker's VM in the middle of its next request, as a trap in the module would. */
  trap(
    worker = 0,
    callback: "clock_time_get" | "proxy_get_header_map_pairs" = "clock_time_get",
  ): Observation {
    this.trapsWanted++;
    this.proxy.faults.before(callback, die, { thread: `worker${worker}`, times: 1 });
    return this.send({ worker });
  }

  /** What must hold after every test, whatever it was about. */
  check(): void {
    assert.deepEqual(this.proxy.errors, []);
    const dead = this.proxy.log.messages({ source: "envoy" }).filter((line) => line.includes("RuntimeError"));
    assert.equal(dead.length, this.trapsWanted, dead.join("\n"));
    assert.ok(this.proxy.stats.size <= this.cap, `${this.proxy.stats.size} series of ${this.cap}`);
  }

  #snapshot(): Map<string, number> {
    return new Map(this.proxy.stats.series().map((one) => [one.fullName, one.value]));
  }
}

/** A proxy whose random bytes, the key of the filter's hash, are the same in every run. */
function seededProxy(options: ProxyOptions): Proxy {
  const proxy = new Proxy(options);
  proxy.faults.after("random_get", ({ vm, args }) => {
    vm.memory.writeBytes(Number(args[0]), new Uint8Array(Number(args[1])).fill(HASH_KEY));
  });
  return proxy;
}

function die(): never {
  throw new WebAssembly.RuntimeError("unreachable");
}

function growth(
  grown: readonly Series[],
  before: ReadonlyMap<string, number>,
  name: string,
  labels: LabelFilter,
): number {
  return grown
    .filter((one) => one.name === name && expectedOf(labels, one.labels))
    .reduce((sum, one) => sum + one.value - (before.get(one.fullName) ?? 0), 0);
}

function maxSeriesOf(configuration: Configuration | undefined): number {
  if (typeof configuration !== "object" || !("metrics" in configuration)) return DEFAULT_MAX_SERIES;
  const { metrics } = configuration;
  const given = typeof metrics === "object" && metrics !== null && "maxSeries" in metrics;
  return given ? Number(metrics.maxSeries) : DEFAULT_MAX_SERIES;
}
