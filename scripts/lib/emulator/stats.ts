import { parseStatName, type StatTags } from "./stat-names.ts";

/** A counter or a gauge; u64 as in Envoy. */
export interface NumberStat {
  readonly name: string;
  value: bigint;
}

/** A histogram with everything that was recorded, in order. */
export interface HistogramStat {
  readonly name: string;
  readonly values: number[];
}

/** One series as Prometheus would show it. */
export interface Series {
  readonly kind: "counter" | "gauge" | "histogram";
  /** Without `wasmcustom.` and without the tags. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Of a histogram: how many values it has. */
  readonly value: number;
  /** Of a histogram: its values. */
  readonly values: readonly number[];
  /** The name the filter defined, tags and all. */
  readonly fullName: string;
}

export type LabelFilter = Readonly<Record<string, string>>;

function matches(labels: LabelFilter, wanted: LabelFilter): boolean {
  return Object.entries(wanted).every(([label, value]) => labels[label] === value);
}

function obtain<S>(map: Map<string, S>, name: string, create: () => S): S {
  let stat = map.get(name);
  if (stat === undefined) {
    stat = create();
    map.set(name, stat);
  }
  return stat;
}

/** The stats of one Envoy process: the same name is the same stat, whichever VM defines it. Nothing is ever freed. */
export class StatsStore {
  readonly #counters = new Map<string, NumberStat>();
  readonly #gauges = new Map<string, NumberStat>();
  readonly #histograms = new Map<string, HistogramStat>();
  readonly #tags: StatTags;

  constructor(tags: StatTags = "all") {
    this.#tags = tags;
  }

  defineCounter(name: string): NumberStat {
    return obtain(this.#counters, name, () => ({ name, value: 0n }));
  }

  defineGauge(name: string): NumberStat {
    return obtain(this.#gauges, name, () => ({ name, value: 0n }));
  }

  defineHistogram(name: string): HistogramStat {
    return obtain(this.#histograms, name, () => ({ name, values: [] }));
  }

  /** A counter by the full name it was defined with; undefined when it was not. */
  counter(fullName: string): number | undefined {
    const stat = this.#counters.get(fullName);
    return stat && Number(stat.value);
  }

  /** A gauge by its full name. */
  gauge(fullName: string): number | undefined {
    const stat = this.#gauges.get(fullName);
    return stat && Number(stat.value);
  }

  /** The recorded values of a histogram by its full name. */
  histogram(fullName: string): readonly number[] | undefined {
    return this.#histograms.get(fullName)?.values;
  }

  /** The series whose tag-free name and given labels match; all series without arguments. */
  series(name?: string, labels: LabelFilter = {}): Series[] {
    const all = [
      ...[...this.#counters.values()].map((stat) => this.#number("counter", stat)),
      ...[...this.#gauges.values()].map((stat) => this.#number("gauge", stat)),
      ...[...this.#histograms.values()].map((stat) => this.#histogram(stat)),
    ];
    return all.filter((one) => (name === undefined || one.name === name) && matches(one.labels, labels));
  }

  /** The sum over matching series; 0 when there is none. */
  value(name: string, labels: LabelFilter = {}): number {
    return this.series(name, labels).reduce((sum, one) => sum + one.value, 0);
  }

  /** Everything recorded in matching histograms. */
  values(name: string, labels: LabelFilter = {}): number[] {
    return this.series(name, labels).flatMap((one) => one.values);
  }

  /** How many stats filters have defined so far. */
  get size(): number {
    return this.#counters.size + this.#gauges.size + this.#histograms.size;
  }

  #number(kind: "counter" | "gauge", stat: NumberStat): Series {
    return {
      kind,
      ...parseStatName(stat.name, this.#tags),
      value: Number(stat.value),
      values: [],
      fullName: stat.name,
    };
  }

  #histogram(stat: HistogramStat): Series {
    const { values } = stat;
    return {
      kind: "histogram",
      ...parseStatName(stat.name, this.#tags),
      value: values.length,
      values,
      fullName: stat.name,
    };
  }
}
