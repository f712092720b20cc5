/** How much worse the new version may be. Shares are of requests, 0..1. */
export interface Thresholds {
  /** Errors, more than the others have. */
  readonly maxErrorIncrease: number;
  /** Requests refused by a quota, more than the others refuse. */
  readonly maxDenialIncrease: number;
  /** Failures the filter reports of itself, a request. */
  readonly maxFailureIncrease: number;
  /** p50 and p99 over those of the others, as a share of theirs. */
  readonly maxLatencyIncrease: number;
  /** An increase of less than this is never held against it. */
  readonly latencyFloorMicros: number;
  /** Of the new version, and of what it is compared with: with fewer there is no decision. */
  readonly minRequests: number;
  /** Of the statement "worse than allowed" that rolls back: 1 - the chance that it is wrong. */
  readonly confidence: number;
}

/** What the tool takes unless it is told otherwise. */
export const defaultThresholds: Thresholds = {
  maxErrorIncrease: 0.005,
  maxDenialIncrease: 0.05,
  maxFailureIncrease: 0.001,
  maxLatencyIncrease: 0.25,
  latencyFloorMicros: 500,
  minRequests: 100,
  confidence: 0.999,
};

/** Below it a difference is taken for chance; between it and `confidence` it is a suspicion, and more is wanted. */
export const suspicion = 0.9;

/** ok: no worse than allowed. worse: certainly. unclear: perhaps, or too few requests. unknown: there is nothing to judge by. */
export type Finding = {
  readonly signal: string;
  readonly verdict: Verdict | "unknown";
  readonly text: string;
};

/** The whole judgement: `worse` when any finding is, else `unclear` when any is. */
export type Verdict = "ok" | "worse" | "unclear";

/** A judgement with its reasons. */
export interface Judgement {
  readonly verdict: Verdict;
  readonly findings: readonly Finding[];
}
