import type { Thresholds } from "./verdict.ts";

/** Everything that was decided when a rollout began; kept in the cluster, so that whoever continues it does the same. */
export interface Plan {
  readonly strategy: Strategy;
  /** Shares of the pods in percent, ascending, the last one 100. 0 stands for a single pod. */
  readonly steps: readonly number[];
  /** How long every step is watched at least. */
  readonly windowMillis: number;
  /** How long it is watched at most when the figures say too little. */
  readonly maxWindowMillis: number;
  /** Between the move of pods and the begin of the window: Envoy's statistics lag by a flush. */
  readonly settleMillis: number;
  /** How long pods may take to run what they were moved to. */
  readonly timeoutMillis: number;
  readonly approval: "auto" | "manual";
  /** What to do when the longest window ends and the figures still say too little. */
  readonly onDoubt: "pause" | "rollback";
  readonly thresholds: Thresholds;
}

/** canary: step by step. blue-green: one pod, then all others at once. */
export type Strategy = "canary" | "blue-green";

/** The steps of a strategy, unless the operator names others. */
export const strategySteps: Readonly<Record<Strategy, readonly number[]>> = {
  canary: [5, 25, 50, 100],
  "blue-green": [0, 100],
};

/** How many of `total` pods a step of so many percent has; at least one, if there is any. */
export function podsWanted(total: number, percent: number): number {
  return Math.min(total, Math.max(1, Math.ceil((total * percent) / 100)));
}
