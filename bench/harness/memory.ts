import { linearRegression } from "simple-statistics";
import { progress } from "../../scripts/lib/cli.ts";
import { filterModule } from "../../scripts/lib/paths.ts";
import { waitFor } from "../../scripts/lib/process.ts";
import type { Arm } from "./arm.ts";
import { armOf } from "./arms.ts";
import { TestBed, type Block } from "./bed.ts";
import { fromQuery, type Lane } from "./envoy-config.ts";
import { noteEnvironment } from "./environment.ts";
import { userQuery } from "./load.ts";
import { residentBytes } from "./machine.ts";
import { measured } from "./rounds.ts";
import { learning, tickgate } from "./tickgate-arms.ts";
import type { MemoryGrowth, MemoryOptions, MemoryPoint, MemoryReport } from "./types.ts";

const limitBytes = 128 * 1024 * 1024;
const [perUsers, perSeries] = [100_000, 1000];
/** What the filter allows by default: `store.capacity` and `metrics.maxSeries`, on a sidecar of two workers. */
const full = { workers: 2, users: 100_000, series: 2000 };
/** Traffic before the first reading, so that buffers and pools are not counted as the filter's. */
const settleRequests = 20_000;
const fewUsers = 100;
/** A value must come this often before it is given a series; the most the filter asks for is 8. */
const sightings = 20;

/** Measures Envoy's resident size: fresh Envoys without and with the filter, then what users and series add. */
export async function measureMemory(options: MemoryOptions): Promise<MemoryReport> {
  const module = options.module ?? filterModule;
  const environment = await noteEnvironment(module);
  const points: MemoryPoint[] = [];
  for (const workers of new Set([...options.workers, full.workers])) {
    progress(`Envoy with ${workers} workers, without and with the filter`);
    points.push(await measurePoint(workers, options.rounds, module));
  }
  points.sort((a, b) => a.workers - b.workers);
  progress(`${options.users} users`);
  const users = await repeat(options.rounds, () => usersGrowth(options.users, module));
  progress(`${options.series} series`);
  const series = await repeat(options.rounds, () => seriesGrowth(options.series, module));
  const [grownUsers, grownSeries] = [growthOf(users, perUsers), growthOf(series, perSeries)];
  const fullBytes =
    (points.find(({ workers }) => workers === full.workers)?.withBytes.value ?? NaN) +
    (grownUsers.bytesPer / perUsers) * full.users +
    (grownSeries.bytesPer / perSeries) * full.series;
  return {
    kind: "memory",
    environment: environment(),
    options,
    points,
    bytesPerVm: slopeOf(points),
    users: grownUsers,
    series: grownSeries,
    fullBytes,
    limitBytes,
    fits: fullBytes <= limitBytes,
  };
}

/** What one more worker adds to what the filter adds: least squares over the points. */
export function slopeOf(points: readonly MemoryPoint[]): number {
  const added = points.map(({ workers, withBytes, withoutBytes }) => [
    workers,
    withBytes.value - withoutBytes.value,
  ]);
  return added.length < 2 ? NaN : linearRegression(added).m;
}

async function measurePoint(workers: number, rounds: number, module: string): Promise<MemoryPoint> {
  const [without, withFilter]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    without.push(await residentAfterTraffic(armOf("none"), workers, module));
    withFilter.push(await residentAfterTraffic(armOf("exact"), workers, module));
  }
  return { workers, withoutBytes: measured(without), withBytes: measured(withFilter) };
}

async function residentAfterTraffic(arm: Arm, workers: number, module: string): Promise<number> {
  const lane = { name: arm.id, arm, copies: 1 };
  return withBed(lane, { workers, users: fewUsers, module }, async (bed) => {
    // More connections than workers: each worker gets some.
    await bed.run(lane, { requests: settleRequests, connections: 8 * workers, protocol: "http1" });
    await bed.prove();
    return residentBytes(bed.envoy.process.pid);
  });
}

/** How much one more of something added. */
interface Growth {
  readonly count: number;
  readonly bytes: number;
}

/** One connection goes through all queries in turn. */
const once = { connections: 1, streams: 8, protocol: "http2" } as const;

async function usersGrowth(count: number, module: string): Promise<Growth> {
  const lane = { name: "exact", arm: armOf("exact"), copies: 1 };
  return withBed(lane, { workers: 1, users: fewUsers, module }, async (bed) => {
    const everyone = await bed.writeQueries(Array.from({ length: count }, (_, user) => userQuery(user)));
    await bed.run(lane, { ...once, requests: settleRequests });
    await bed.prove();
    return grown(bed, lane, { ...once, requests: count, paths: everyone }, () => Promise.resolve(count));
  });
}

async function seriesGrowth(count: number, module: string): Promise<Growth> {
  const arm: Arm = { ...armOf("dimensions"), parts: tickgate(learning(count)), proofs: seriesProof };
  const lane = { name: "series", arm, copies: 1 };
  const before = [fromQuery("x-trading-symbol", "s")];
  return withBed(lane, { workers: 1, users: fewUsers, module, before }, async (bed) => {
    const symbols = Array.from({ length: count }, (_, symbol) => `${userQuery(0)}&s=S${symbol}`);
    const [first, all] = [await bed.writeQueries(symbols.slice(0, 1)), await bed.writeQueries(symbols)];
    await bed.run(lane, { ...once, requests: settleRequests, paths: first });
    await bed.prove();
    const series = async (): Promise<number> => (await bed.envoy.admin.metrics()).sum("tickgate_series");
    const known = await series();
    const added = async (): Promise<number> => {
      // The first of the symbols has its series already.
      const expected = count - 1;
      return waitFor(`${expected} more series`, async () => {
        const now = (await series()) - known;
        return now >= expected ? now : undefined;
      });
    };
    return grown(bed, lane, { ...once, requests: count * sightings, paths: all }, added);
  });
}

const seriesProof: Arm["proofs"] = (lane, copies) => [
  { metric: "trading_requests_total", labels: { operation: lane, result: "ok" }, each: copies },
];

async function grown(bed: TestBed, lane: Lane, block: Block, count: () => Promise<number>): Promise<Growth> {
  const before = await residentBytes(bed.envoy.process.pid);
  await bed.run(lane, block);
  await bed.prove();
  const added = await count();
  return { count: added, bytes: (await residentBytes(bed.envoy.process.pid)) - before };
}

function growthOf(growths: readonly Growth[], per: number): MemoryGrowth {
  const bytes = measured(growths.map((growth) => growth.bytes));
  const count = growths[0]?.count ?? NaN;
  return { count, bytes, per, bytesPer: (bytes.value / count) * per };
}

async function repeat<T>(rounds: number, work: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let round = 0; round < rounds; round += 1) results.push(await work());
  return results;
}

async function withBed<T>(
  lane: Lane,
  {
    workers,
    ...options
  }: { workers: number } & Pick<Parameters<typeof TestBed.start>[0], "users" | "module" | "before">,
  work: (bed: TestBed) => Promise<T>,
): Promise<T> {
  const bed = await TestBed.start({ ...options, lanes: [lane], peers: new Map() }, workers);
  try {
    return await work(bed);
  } finally {
    await bed.stop();
  }
}
