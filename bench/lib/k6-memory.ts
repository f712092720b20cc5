import { linearRegression } from "simple-statistics";
import type { EnvoyAdmin } from "../../scripts/lib/envoy/admin.ts";
import type { RunningEnvoy } from "../../scripts/lib/envoy/run.ts";
import { sleep } from "../../scripts/lib/process.ts";
import { residentBytes } from "../harness/machine.ts";
import type { TimeSeries } from "./k6-types.ts";

/** Envoy's memory over a run. */
export interface MemorySeries {
  /** Resident size of the process. */
  readonly resident: TimeSeries;
  /** What its allocator has given out: without the pages of VMs, and without the allocator's own reserve. */
  readonly allocated: TimeSeries;
}

type Point = TimeSeries["points"][number];

/** Reads Envoy's memory every second until `end()`. */
export class MemoryWatch {
  private readonly resident: Point[] = [];
  private readonly allocated: Point[] = [];
  private readonly begun = performance.now();
  private readonly over = new AbortController();
  private readonly watching: Promise<void>;

  constructor(envoy: RunningEnvoy, intervalMillis = 1000) {
    this.watching = this.watch(envoy, intervalMillis);
    // Reported by `end`; until then nobody listens.
    this.watching.catch(() => undefined);
  }

  /** All readings. Throws what went wrong while reading. */
  async end(): Promise<MemorySeries> {
    this.over.abort();
    await this.watching;
    return {
      resident: { name: "Envoy's resident memory", unit: "bytes", points: this.resident },
      allocated: { name: "Envoy's allocated memory", unit: "bytes", points: this.allocated },
    };
  }

  private async watch({ admin, process: child }: RunningEnvoy, intervalMillis: number): Promise<void> {
    while (!this.over.signal.aborted) {
      const seconds = (performance.now() - this.begun) / 1000;
      this.resident.push([seconds, await residentBytes(child.pid)]);
      this.allocated.push([seconds, await allocatedBytes(admin)]);
      await sleep(intervalMillis, this.over.signal);
    }
  }
}

async function allocatedBytes(admin: EnvoyAdmin): Promise<number> {
  const memory: { readonly allocated?: string } = JSON.parse(await admin.get("/memory"));
  return Number(memory.allocated);
}

/** The points from `fromSeconds` on, with the slope of the line through them. */
export function withSlope(series: TimeSeries, fromSeconds: number): TimeSeries {
  const points = series.points.filter(([seconds]) => seconds >= fromSeconds);
  const line = linearRegression(points.map(([seconds, value]) => [seconds, value]));
  return { ...series, slopePerHour: line.m * 3600 };
}

/** The greatest value from `fromSeconds` on, less the first. */
export function growth({ points }: TimeSeries, fromSeconds: number): number {
  const values = points.filter(([seconds]) => seconds >= fromSeconds).map(([, value]) => value);
  return Math.max(...values) - (values[0] ?? NaN);
}
