import assert from "node:assert/strict";
import { armOf, arms, describeArm } from "../../bench/harness/arms.ts";
import { measured } from "../../bench/harness/rounds.ts";
import type {
  ArmId,
  CpuArm,
  CpuReport,
  Environment,
  Measured,
  MemoryReport,
  SweepPoint,
  SweepReport,
  ThroughputArm,
  ThroughputReport,
} from "../../bench/harness/types.ts";
import { population } from "../../bench/lib/k6-distribution.ts";
import type { Comparison, K6Report, Verdict } from "../../bench/lib/k6-types.ts";
import type { Figures } from "../../bench/micro/figures.ts";
import { textOf, type BenchReport, type Section, type Table } from "../../bench/report/model.ts";
import { sectionsOf } from "../../bench/report/sections.ts";
import { judgeTargets, type Judged } from "../../bench/report/targets.ts";
import type { Estimate } from "../../bench/statistics.ts";

/** Where nothing was measured. */
export const environment: Environment = {
  startedAt: "2024-05-06T07:08:09.000Z",
  cpuModel: "Abacus <9>",
  cores: 2,
  memoryBytes: 8 * 2 ** 30,
  kernel: "6.1",
  node: "v20.20.0",
  envoy: "1.40.0",
  h2load: "1.52.0",
  moduleBytes: 60_000,
  moduleSha256: "ab".repeat(32),
  loadAverageBefore: 0.1,
  loadAverageAfter: 0.9,
  envoyCore: 1,
  loadCore: 0,
};

/** What one filter of an arm costs, in microseconds; by rounds 0.1 less, as much, 0.1 more. */
const costs: Partial<Record<ArmId, number>> = {
  none: 0,
  none_again: 0,
  pass_through: 1,
  dimensions: 3,
  budgets: 3.5,
  exact: 4.5,
  leased: 3.6,
  native_limit: 1,
  native_stack: 2.5,
  rust: 9,
  sdk: 15,
  lua: 12,
};

function rounds(middle: number, spread = 0.1): Measured {
  return measured([middle - spread, middle, middle + spread]);
}

function estimate(value: number): Estimate {
  return { value, low: value - 0.1, high: value + 0.1, samples: 3 };
}

function costed(): CpuArm[] {
  return arms.flatMap((arm) => {
    const cost = costs[arm.id];
    if (cost === undefined) return [];
    const figures = {
      perFilterMicros: rounds(cost),
      wholeRequestMicros: rounds(30 + 8 * cost),
      oneCopyMicros: rounds(2 * cost),
      proofs: [],
    };
    return [Object.assign(figures, describeArm(arm))];
  });
}

/** A CPU report with these ratios of the exact quota and the native stack. */
export function cpuReport(ratio = 1.79): CpuReport {
  const refusal = {
    emptyMicros: rounds(30),
    allowedMicros: rounds(40),
    deniedMicros: rounds(39),
    nativeDeniedMicros: rounds(31),
    differenceMicros: rounds(-1),
    proofs: [],
  };
  return {
    kind: "cpu",
    environment,
    options: { rounds: 3, requests: 1000, copies: 8, connections: 4, users: 10, seed: 1 },
    requestHeaders: [":path"],
    command: "h2load --h1",
    arms: costed(),
    missing: [],
    ratios: [{ arm: "exact", to: "native_stack", ratio: estimate(ratio), target: 1.8, met: ratio <= 1.8 }],
    refusals: [
      { protocol: "http1", ...refusal },
      { protocol: "http2", ...refusal },
    ],
  };
}

/** Requests of a listener: 10 a round and arm, so much slower than the fastest. */
function column(addedMicros: number): Parameters<typeof population>[1] {
  const micros = Array.from({ length: 400 }, (_, n) => 200 + (n % 97) + addedMicros);
  return {
    micros,
    rounds: micros.map((_, n) => Math.floor(n / 10)),
    statuses: new Map([["200", 400]]),
    faults: new Map(),
  };
}

function added(name: string, clock: Comparison["clock"], micros: number): Comparison {
  const [p50, p90, p99, p999] = [1, 2, 3, 4].map((times) =>
    estimate(micros * times + (clock === "client" ? 0.25 : 0)),
  );
  assert.ok(p50 && p90 && p99 && p999);
  return { name, baseline: "none", clock, p50, p90, p99, p999 };
}

/** The paired k6 run with so many dropped iterations. */
export function overheadReport(dropped = 0): K6Report {
  const addedMicros = { none: 0, none_again: 0, exact: 7, native_stack: 3, pass_through: 2, dimensions: 4 };
  const dropping: Verdict = {
    name: "dropped_iterations count",
    measured: dropped,
    comparison: "==",
    bound: 0,
    unit: "",
    passed: dropped === 0,
  };
  const missed: Verdict = { ...dropping, name: "exact: too slow", isTarget: true, passed: false };
  const names = Object.entries(addedMicros);
  return {
    scenario: "overhead",
    question: "What does a client feel?",
    passed: false,
    verdicts: [dropping, missed],
    load: { ratePerSecond: 400, durationSeconds: 6, requests: 2400, dropped },
    populations: names.map(([name, micros]) => ({
      ...population(name, column(micros), { ran: { counted: 400, expected: 400 } }),
      inEnvoy: population(name, column(micros - 150)).latency,
    })),
    comparisons: (["client", "envoy"] as const).flatMap((clock) =>
      names.slice(1).map(([name, micros]) => added(name, clock, micros)),
    ),
    series: [],
    notes: [],
    environment: { k6: "1.1.0", envoy: "1.40.0", concurrency: 1, cpus: 2, command: "npx tsx bench/k6.ts" },
  };
}

const micro: Figures = {
  moduleBytes: 60_000,
  toolchain: "wasm2c 1.0",
  paths: Object.fromEntries(
    [
      ["allowed", 700],
      ["allowed, budget", 750],
      ["allowed, exact quota", 900],
      ["allowed, leased quota", 800],
    ].map(([name, instructions]) => [
      name,
      {
        calls: { proxy_get_header_map_pairs: 2, proxy_record_metric: 1 },
        mallocs: 2,
        bytesCopied: 600,
        instructions: Number(instructions),
        pages: 25,
        pagesGrown: 0,
      },
    ]),
  ),
  sweeps: [
    {
      name: "users",
      points: [
        { size: 1, instructions: 1000 },
        { size: 1_000_000, instructions: 1100 },
      ],
    },
  ],
};

function rated(id: ArmId, perSecond: number, steady: number): ThroughputArm {
  const figures = {
    requestsPerSecond: rounds(perSecond),
    busy: rounds(0.99, 0),
    saturatedMicrosPerRequest: rounds(50),
    steadyMillicores: rounds(steady),
    steadyMicrosPerRequest: rounds(steady),
    proofs: [],
  };
  return Object.assign(figures, describeArm(armOf(id)));
}

function throughput(): ThroughputReport {
  return {
    kind: "throughput",
    environment,
    options: {
      rounds: 3,
      requests: 100,
      connections: 4,
      users: 4,
      seed: 1,
      steadySeconds: 1,
      steadyPerSecond: 1000,
    },
    arms: [rated("none", 20_000, 50), rated("exact", 18_000, 60)],
    podsArm: "exact",
    podsRequestsPerSecond: 100_000,
    podsMicrosWithout: 50,
    podsMicrosWith: 60,
    pods: [{ sidecarMillicores: 100, perPodWithout: 2000, perPodWith: 1666, podsWithout: 50, podsWith: 60 }],
  };
}

const memory: MemoryReport = {
  kind: "memory",
  environment,
  options: { workers: [1, 2], users: 1000, series: 100, rounds: 3 },
  points: [1, 2].map((workers) => ({
    workers,
    withoutBytes: rounds(60 * 2 ** 20),
    withBytes: rounds((80 + workers) * 2 ** 20),
  })),
  bytesPerVm: 2 ** 20,
  users: { count: 1000, bytes: rounds(2 ** 20), per: 100_000, bytesPer: 5 * 2 ** 20 },
  series: { count: 100, bytes: rounds(2 ** 18), per: 1000, bytesPer: 2 ** 20 },
  fullBytes: 96 * 2 ** 20,
  limitBytes: 128 * 2 ** 20,
  fits: true,
};

function point(size: number): SweepPoint {
  return { arm: "exact", size, perFilterMicros: rounds(4), proofs: [] };
}

function sweeps(): SweepReport {
  return {
    kind: "sweeps",
    environment,
    options: { rounds: 3, requests: 10, copies: 4, users: [1, 1000], liveStreams: [0, 100], seed: 1 },
    arms: [],
    missing: [],
    users: [point(1), point(1000)],
    liveStreams: [point(0), point(100)],
  };
}

/** A report of every part, with figures that nobody measured; `more` replaces some of it. */
export function madeUpReport(more: Partial<BenchReport> = {}): BenchReport {
  return {
    commit: "abc1234",
    command: "npm run bench",
    quick: false,
    seconds: 600,
    environment,
    cpu: cpuReport(),
    throughput: throughput(),
    memory,
    sweeps: sweeps(),
    micro,
    k6: [overheadReport()],
    absent: [],
    ...more,
  };
}

/** The section of that anchor. */
export function sectionNamed(report: BenchReport, id: string): Section {
  const found = sectionsOf(report).find((section) => section.id === id);
  assert.ok(found, `no section ${id}`);
  return found;
}

/** The row that begins with this text. */
export function rowNamed(tables: readonly Table[], name: string): string[] {
  const row = tables
    .flatMap(({ rows }) => rows)
    .find(([first]) => first !== undefined && textOf(first) === name);
  assert.ok(row, `no row ${name}`);
  return row.map(textOf);
}

/** The target of that name, judged. */
export function targetNamed(report: BenchReport, name: string): Judged {
  const found = judgeTargets(report).find((one) => one.name === name);
  assert.ok(found, `no target ${name}`);
  return found;
}
