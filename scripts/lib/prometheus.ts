import parse from "parse-prometheus-text-format";

/** Labels of one series. */
export type Labels = Readonly<Record<string, string>>;

/** One line of a scrape. */
export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** One histogram, or several added up; bucket counts are cumulative, bounds ascend and end with Infinity. */
export interface Histogram {
  readonly buckets: readonly { readonly le: number; readonly count: number }[];
  readonly sum: number;
  readonly count: number;
}

/** One scrape in the Prometheus text format. */
export class Metrics {
  private readonly families: ReadonlyMap<string, readonly Sample[]>;

  constructor(families: ReadonlyMap<string, readonly Sample[]>) {
    this.families = families;
  }

  /** Names of all families; a histogram shows as its `_bucket`, `_sum` and `_count`. */
  names(): string[] {
    return [...this.families.keys()];
  }

  /** The series of a metric that carry all of these labels. */
  samples(name: string, where: Labels = {}): Sample[] {
    return (this.families.get(name) ?? []).filter(({ labels }) => matches(labels, where));
  }

  /** Sum over the matching series; 0 when there is none. */
  sum(name: string, where: Labels = {}): number {
    return this.samples(name, where).reduce((total, { value }) => total + value, 0);
  }

  /** The value of the only matching series; undefined when there is none or more than one. */
  value(name: string, where: Labels = {}): number | undefined {
    const [first, ...others] = this.samples(name, where);
    return others.length === 0 ? first?.value : undefined;
  }

  /** Sums by the values of one label, greatest first. */
  sumBy(name: string, label: string, where: Labels = {}): Map<string, number> {
    const sums = new Map<string, number>();
    for (const { labels, value } of this.samples(name, where)) {
      const key = labels[label] ?? "";
      sums.set(key, (sums.get(key) ?? 0) + value);
    }
    return new Map([...sums].toSorted(([, a], [, b]) => b - a));
  }

  /** The matching series of a histogram, added up; no buckets and count 0 when there is none. */
  histogram(name: string, where: Labels = {}): Histogram {
    const counts = new Map<number, number>();
    for (const { labels, value } of this.samples(`${name}_bucket`, where)) {
      const le = toNumber(labels.le ?? "");
      counts.set(le, (counts.get(le) ?? 0) + value);
    }
    const buckets = [...counts].map(([le, count]) => ({ le, count })).toSorted((a, b) => a.le - b.le);
    return { buckets, sum: this.sum(`${name}_sum`, where), count: this.sum(`${name}_count`, where) };
  }
}

/** Reads a scrape. */
export function parseMetrics(text: string): Metrics {
  const families = new Map<string, Sample[]>();
  // Comments are left out: told that a family is a histogram, the parser folds all its series into one and loses their labels.
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  for (const { name, metrics } of parse(`${lines.join("\n")}\n`)) {
    const samples = families.get(name) ?? [];
    for (const { labels, value } of metrics) samples.push({ labels: labels ?? {}, value: toNumber(value) });
    families.set(name, samples);
  }
  return new Metrics(families);
}

/**
 * Estimate of the q-quantile (0..1) as Prometheus' histogram_quantile makes it: linear inside a bucket, from 0 in the
 * first, and the highest finite bound for what lies beyond it. NaN for an empty histogram.
 */
export function quantile(q: number, { buckets }: Histogram): number {
  const total = buckets.at(-1)?.count ?? 0;
  if (total === 0 || buckets.length < 2) return NaN;
  const rank = q * total;
  const index = buckets.findIndex(({ count }) => count >= rank);
  const bucket = buckets[index];
  const below = buckets[index - 1];
  if (bucket === undefined) return NaN;
  if (bucket.le === Infinity) return below?.le ?? NaN;
  if (below === undefined && bucket.le <= 0) return bucket.le;
  const from = below?.le ?? 0;
  const before = below?.count ?? 0;
  if (bucket.count === before) return from;
  return from + ((bucket.le - from) * (rank - before)) / (bucket.count - before);
}

function matches(labels: Labels, where: Labels): boolean {
  return Object.entries(where).every(([name, value]) => labels[name] === value);
}

function toNumber(text: string): number {
  if (text === "+Inf") return Infinity;
  return text === "-Inf" ? -Infinity : Number(text);
}
