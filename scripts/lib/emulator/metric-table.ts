import type { HistogramStat, NumberStat, StatsStore } from "./stats.ts";
import { MetricType, Status } from "./status.ts";

// Ids of one kind are 4 apart and their low two bits name the kind (ENVOY source/extensions/common/wasm/wasm.h).
const ID_STEP = 4;
const KIND_MASK = 3;

/** A VM's metric ids. Each definition makes a new id, the same name always means the same stat. */
export class MetricTable {
  readonly #store: StatsStore;
  readonly #counters: NumberStat[] = [];
  readonly #gauges: NumberStat[] = [];
  readonly #histograms: HistogramStat[] = [];

  constructor(store: StatsStore) {
    this.#store = store;
  }

  /** The new id, or undefined for a kind that does not exist. */
  define(kind: number, name: string): number | undefined {
    switch (kind) {
      case MetricType.Counter:
        return this.#counters.push(this.#store.defineCounter(name)) * ID_STEP + kind;
      case MetricType.Gauge:
        return this.#gauges.push(this.#store.defineGauge(name)) * ID_STEP + kind;
      case MetricType.Histogram:
        return this.#histograms.push(this.#store.defineHistogram(name)) * ID_STEP + kind;
      default:
        return undefined;
    }
  }

  increment(id: number, offset: bigint): Status {
    const kind = id & KIND_MASK;
    if (kind !== MetricType.Counter && kind !== MetricType.Gauge) return Status.BadArgument;
    const stat = this.#number(id);
    if (stat === undefined) return Status.NotFound;
    if (kind === MetricType.Counter && offset <= 0n) return Status.BadArgument;
    stat.value = BigInt.asUintN(64, stat.value + offset);
    return Status.Ok;
  }

  /** Adds to a counter, sets a gauge, records in a histogram. */
  record(id: number, value: bigint): Status {
    if ((id & KIND_MASK) === MetricType.Histogram) {
      const histogram = this.#histograms[indexOf(id)];
      if (histogram === undefined) return Status.NotFound;
      histogram.values.push(Number(value));
      return Status.Ok;
    }
    const stat = this.#number(id);
    if (stat === undefined) return Status.NotFound;
    const gauge = (id & KIND_MASK) === MetricType.Gauge;
    stat.value = BigInt.asUintN(64, gauge ? value : stat.value + value);
    return Status.Ok;
  }

  read(id: number): bigint | Status {
    const kind = id & KIND_MASK;
    if (kind !== MetricType.Counter && kind !== MetricType.Gauge) return Status.BadArgument;
    return this.#number(id)?.value ?? Status.NotFound;
  }

  #number(id: number): NumberStat | undefined {
    const kind = id & KIND_MASK;
    if (kind === MetricType.Counter) return this.#counters[indexOf(id)];
    return kind === MetricType.Gauge ? this.#gauges[indexOf(id)] : undefined;
  }
}

function indexOf(id: number): number {
  return (id >>> 2) - 1;
}
