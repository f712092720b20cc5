import type { Pod } from "../cluster/pods.ts";
import type { Counts } from "./counts.ts";

/** What a pod's proxy had counted at a moment. */
export interface PodCounts {
  readonly counts: Counts;
  /** When that was read or scraped, in milliseconds of the Unix epoch. */
  readonly atMillis: number;
}

/** Figures of one reading. */
export interface Reading {
  /** By pod name. */
  readonly pods: ReadonlyMap<string, PodCounts>;
  /** Why there is none of the others, by pod name. */
  readonly missing: ReadonlyMap<string, string>;
}

/** Where the figures of a rollout come from. */
export interface MetricsSource {
  /** In words: `Prometheus at http://...`, `the pods themselves`. */
  readonly description: string;
  /** What each of these pods has counted since its proxy started. A pod that can't be read is among `missing`. */
  read(pods: readonly Pod[]): Promise<Reading>;
}
