import type { Estimate } from "../statistics.ts";

// What the measurements of bench/harness return: plain data, written as JSON by bench/{cpu,throughput,memory}.ts and
// read by the report. Times are microseconds of CPU, sizes bytes, unless a name says otherwise.

/** Every arm: one way to do the filter's work (or not to do it), in a listener of its own. */
export type ArmId =
  | "none"
  | "none_again"
  | "pass_through"
  | "dimensions"
  | "budgets"
  | "exact"
  | "leased"
  | "denied"
  | "native_limit"
  | "native_stack"
  | "lua"
  | "sdk"
  | "rust";

/** What an arm is made of: nothing, Tickgate, C++ inside Envoy, another Wasm module, a script. */
export type ArmFamily = "empty" | "ours" | "native" | "wasm" | "script";

/** The part of an arm that people read. */
export interface ArmDescription {
  readonly id: ArmId;
  readonly label: string;
  readonly family: ArmFamily;
  /** Parts of our work that this arm does not do; empty: all of it. */
  readonly leavesOut: readonly string[];
}

/** An arm that could not be built here, and why in one line. */
export interface MissingArm extends ArmDescription {
  readonly why: string;
}

/** A median with its 95 % bootstrap confidence interval, and what it is the median of, in the order of measuring. */
export interface Measured extends Estimate {
  readonly each: readonly number[];
}

/**
 * That a filter really ran: a counter that only this arm moves, by how much it had to move (requests x copies) and by
 * how much it did. A measurement fails when the two differ, so in a report they are equal.
 */
export interface Proof {
  readonly counter: string;
  readonly expected: number;
  readonly counted: number;
}

/** Where and with what a report was measured. */
export interface Environment {
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly cpuModel: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly node: string;
  readonly envoy: string;
  readonly h2load: string;
  /** Size and SHA-256 of the measured build/tickgate.wasm. */
  readonly moduleBytes: number;
  readonly moduleSha256: string;
  /** The file was another one at the end: what was measured is not one module. */
  readonly moduleChanged?: true;
  /** 1-minute load averages: above 2 at the start, others were using the machine. */
  readonly loadAverageBefore: number;
  readonly loadAverageAfter: number;
  /** CPU numbers that Envoy and the load were held to; undefined: not pinned (a single core). */
  readonly envoyCore?: number;
  readonly loadCore?: number;
}

/** How `measureCpu` is asked. */
export interface CpuOptions {
  /** Every round measures each arm once, in an order of its own. */
  readonly rounds: number;
  /** Requests an arm and round. */
  readonly requests: number;
  /** Copies of the filter in a listener (K). */
  readonly copies: number;
  readonly connections: number;
  /** Distinct users among the requests. */
  readonly users: number;
  readonly seed: number;
  /** Absent: all that can be built here. The empty arm is always there, the refused one only among the refusals. */
  readonly arms?: readonly ArmId[];
  /** The module to measure; absent: build/tickgate.wasm. */
  readonly module?: string;
}

/** What one arm costs. */
export interface CpuArm extends ArmDescription {
  /** CPU of one copy of the filter a request: paired differences to the empty arm, divided by the copies. */
  readonly perFilterMicros: Measured;
  /** CPU of Envoy a request, all copies included. */
  readonly wholeRequestMicros: Measured;
  /**
   * What a single copy adds to a request, paired. More than `perFilterMicros`: the first copy finds cold caches, the
   * others warm ones. Noisier by as much as there are copies.
   */
  readonly oneCopyMicros: Measured;
  readonly proofs: readonly Proof[];
}

/** Ratio of the medians of two arms in one run (rounds resampled in pairs), and what is asked of it. */
export interface CpuRatio {
  readonly arm: ArmId;
  readonly to: ArmId;
  readonly ratio: Estimate;
  readonly target: number;
  readonly stretch?: number;
  readonly met: boolean;
}

/** A refused request against an allowed one: whole requests of one copy, without a body. */
export interface Refusal {
  readonly protocol: "http1" | "http2";
  /** CPU of Envoy a request, with the filter in it. */
  readonly emptyMicros: Measured;
  readonly allowedMicros: Measured;
  readonly deniedMicros: Measured;
  /** A refusal by Envoy's own local_ratelimit. */
  readonly nativeDeniedMicros: Measured;
  /** Paired: denied minus allowed. */
  readonly differenceMicros: Measured;
  readonly proofs: readonly Proof[];
}

/** Result of `measureCpu`. */
export interface CpuReport {
  readonly kind: "cpu";
  readonly environment: Environment;
  readonly options: CpuOptions;
  /** Headers of every request, as Envoy's filters see them. */
  readonly requestHeaders: readonly string[];
  /** One of the load's command lines, the port as it was. */
  readonly command: string;
  readonly arms: readonly CpuArm[];
  readonly missing: readonly MissingArm[];
  readonly ratios: readonly CpuRatio[];
  readonly refusals: readonly Refusal[];
}

/** How `measureThroughput` is asked. */
export interface ThroughputOptions {
  readonly rounds: number;
  /** Requests an arm and round of the closed loop. */
  readonly requests: number;
  readonly connections: number;
  readonly users: number;
  readonly seed: number;
  /** Length of each open-loop measurement at `steadyPerSecond`. */
  readonly steadySeconds: number;
  readonly steadyPerSecond: number;
  readonly module?: string;
}

/** What one worker sustains, in front of a loopback upstream, one copy of the filter. */
export interface ThroughputArm extends ArmDescription {
  /** Closed loop, the worker's core full. */
  readonly requestsPerSecond: Measured;
  /** How busy the worker's core was then, 0 to 1: well below 1, the load and not Envoy was the limit. */
  readonly busy: Measured;
  readonly saturatedMicrosPerRequest: Measured;
  /** Open loop at `steadyPerSecond`: CPU in millicores, and a request. */
  readonly steadyMillicores: Measured;
  readonly steadyMicrosPerRequest: Measured;
  readonly proofs: readonly Proof[];
}

/** Pods that a rate needs, sidecars being the limit. */
export interface PodsNeeded {
  readonly sidecarMillicores: number;
  /** Requests a second that one sidecar of that size serves with all of its CPU. */
  readonly perPodWithout: number;
  readonly perPodWith: number;
  readonly podsWithout: number;
  readonly podsWith: number;
}

/** Result of `measureThroughput`. */
export interface ThroughputReport {
  readonly kind: "throughput";
  readonly environment: Environment;
  readonly options: ThroughputOptions;
  readonly arms: readonly ThroughputArm[];
  /** The arm that `pods` compares with none. */
  readonly podsArm: ArmId;
  readonly podsRequestsPerSecond: number;
  /** CPU of a request at the steady rate, without and with the filter: what `pods` is computed from. */
  readonly podsMicrosWithout: number;
  readonly podsMicrosWith: number;
  readonly pods: readonly PodsNeeded[];
}

/** How `measureMemory` is asked. */
export interface MemoryOptions {
  readonly workers: readonly number[];
  readonly users: number;
  /** Values of the label `symbol` that get a series. */
  readonly series: number;
  /** Fresh Envoys a point: RSS differs by some 100 KiB between starts of the same. */
  readonly rounds: number;
  readonly module?: string;
}

/** Envoy's resident size with so many workers, after warm-up traffic. */
export interface MemoryPoint {
  readonly workers: number;
  readonly withoutBytes: Measured;
  readonly withBytes: Measured;
}

/** What something added to Envoy's resident size: how many there were, and what that comes to for a round number. */
export interface MemoryGrowth {
  readonly count: number;
  readonly bytes: Measured;
  /** `bytes` for `per` of them. */
  readonly per: number;
  readonly bytesPer: number;
}

/** Result of `measureMemory`. */
export interface MemoryReport {
  readonly kind: "memory";
  readonly environment: Environment;
  readonly options: MemoryOptions;
  readonly points: readonly MemoryPoint[];
  /** Of one more worker's VM: the slope of what the filter adds over the number of workers. */
  readonly bytesPerVm: number;
  /** Per 100,000 users of one exact quota. */
  readonly users: MemoryGrowth;
  /** Per 1,000 series of the ledger (a histogram counts 14). */
  readonly series: MemoryGrowth;
  /** Two workers, 100,000 users, 2,000 series: the default bounds. */
  readonly fullBytes: number;
  readonly limitBytes: number;
  readonly fits: boolean;
}

/** How `measureCostSweeps` is asked. */
export interface SweepOptions {
  readonly rounds: number;
  readonly requests: number;
  readonly copies: number;
  readonly users: readonly number[];
  readonly liveStreams: readonly number[];
  readonly seed: number;
  readonly module?: string;
}

/** Cost of one arm at one size. */
export interface SweepPoint {
  readonly arm: ArmId;
  /** Users seen, or streams held open. */
  readonly size: number;
  readonly perFilterMicros: Measured;
  readonly proofs: readonly Proof[];
}

/** Result of `measureCostSweeps`. */
export interface SweepReport {
  readonly kind: "sweeps";
  readonly environment: Environment;
  readonly options: SweepOptions;
  readonly arms: readonly ArmDescription[];
  readonly missing: readonly MissingArm[];
  readonly users: readonly SweepPoint[];
  readonly liveStreams: readonly SweepPoint[];
}
