/** All requests of one population, column by column, in the order in which they ended. */
export interface Column {
  readonly micros: number[];
  readonly rounds: number[];
  readonly statuses: Map<string, number>;
  /** What was wrong, and how often. */
  readonly faults: Map<string, number>;
}

/** What k6 wrote of a run, request by request. */
export class Samples {
  private readonly columns = new Map<string, Column>();

  /** Takes a line of k6's JSON output; lines of other metrics are passed over. */
  addLine(line: string): void {
    if (!line.startsWith('{"metric":"waiting_us","type":"Point"')) return;
    const point: Point = JSON.parse(line);
    const { population, round, status, fault } = point.data.tags;
    const column = this.columnOf(population);
    column.micros.push(point.data.value);
    column.rounds.push(Number(round));
    count(column.statuses, status);
    if (fault !== undefined) count(column.faults, fault);
  }

  /** The populations by name, those of the warm-up left out. */
  populations(): string[] {
    return [...this.columns.keys()].filter((name) => !name.startsWith("warm-up")).toSorted();
  }

  /** One population, empty when nothing was sent for it. */
  population(name: string): Column {
    return this.columns.get(name) ?? emptyColumn();
  }

  /** Requests with this status ("": with any), the warm-up included. */
  sent(status = ""): number {
    let total = 0;
    for (const { micros, statuses } of this.columns.values())
      total += status === "" ? micros.length : (statuses.get(status) ?? 0);
    return total;
  }

  /** Requests of the populations whose names end so, the warm-up's too. */
  sentBy(ending: string): number {
    const columns = [...this.columns].filter(([name]) => name.endsWith(ending));
    return columns.reduce((total, [, { micros }]) => total + micros.length, 0);
  }

  /** Requests of these populations. */
  sentAs(...names: readonly string[]): number {
    return names.reduce((total, name) => total + this.population(name).micros.length, 0);
  }

  /** Requests of the measured time. */
  measured(): number {
    return this.sentAs(...this.populations());
  }

  /** Everything that was wrong, the warm-up included: "population: fault", with how often. */
  faults(): Map<string, number> {
    const all = [...this.columns].flatMap(([name, { faults }]) =>
      [...faults].map(([fault, times]) => [`${name}: ${fault}`, times] as const),
    );
    return new Map(all.toSorted(([, a], [, b]) => b - a));
  }

  private columnOf(name: string): Column {
    const found = this.columns.get(name) ?? emptyColumn();
    this.columns.set(name, found);
    return found;
  }
}

interface Point {
  readonly data: {
    readonly value: number;
    readonly tags: {
      readonly population: string;
      readonly round: string;
      readonly status: string;
      readonly fault?: string;
    };
  };
}

/** A population without requests. */
export function emptyColumn(): Column {
  return { micros: [], rounds: [], statuses: new Map(), faults: new Map() };
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
