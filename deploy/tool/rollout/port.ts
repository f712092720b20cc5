import type { Pod, Track } from "../cluster/pods.ts";
import type { MetricsSource } from "../metrics/source.ts";
import type { StablePlugin } from "./stable.ts";
import type { RolloutState } from "./state.ts";

/** Where a pod stands to what its track has, from its data plane. */
export interface PodReport {
  /** `suspect`: looks as if it would never come, which it may do for a moment on the way; `failed` for certain. */
  readonly standing: "running" | "coming" | "suspect" | "failed";
  /** In words, to follow "pod x": `has not been sent the new configuration yet`. */
  readonly reason: string;
  /** What identifies the module it was given, where the proxy tells. */
  readonly module?: string;
}

/** What others have asked of the rollout. */
export interface Requests {
  readonly approved?: string;
  readonly abort?: string;
}

/** The world as the driver of a rollout needs it. Every action may be repeated. */
export interface RolloutPort {
  readonly metrics: MetricsSource;
  /** Milliseconds of the Unix epoch. */
  now(): number;
  sleep(millis: number): Promise<void>;
  /** The running pods of both tracks. */
  pods(): Promise<readonly Pod[]>;
  /** Reads the data plane of pods, by pod name. A pod that can't be read is `coming`. */
  report(pods: readonly Pod[]): Promise<ReadonlyMap<string, PodReport>>;
  stable(): Promise<StablePlugin>;
  requests(): Promise<Requests>;
  save(state: RolloutState): Promise<void>;
  /** Moves all that can be; says of the others, by name, why the API server refused it. */
  move(pods: readonly Pod[], to: Track): Promise<ReadonlyMap<string, string>>;
  /** Gives the stable plugin what the canary has and nothing else, and notes it in the history once it has it. */
  promote(state: RolloutState): Promise<void>;
  /** Notes the result in the history and removes the canary plugin. */
  finish(state: RolloutState, result: Result, reason: string): Promise<void>;
}

/** How a rollout ends. `superseded`: all pods are stable ones, and the stable plugin has not the old version any more. */
export type Result = "promoted" | "rolled-back" | "superseded";
