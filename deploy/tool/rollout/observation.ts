import type { Track } from "../cluster/pods.ts";
import type { Groups } from "./compare.ts";
import type { Result } from "./port.ts";
import type { StablePlugin } from "./stable.ts";
import type { RolloutState } from "./state.ts";

/** A pod as the machine sees it. */
export interface PodView {
  readonly name: string;
  /** The application it belongs to. */
  readonly workload: string;
  readonly track: Track;
  readonly ready: boolean;
  /** For how long it has not been ready any more. Absent when it is, or when it was not ready before either. */
  readonly lostMillis?: number;
  /** Whether its data plane runs what its track has; `failed` when that will not come by itself. */
  readonly standing: "running" | "coming" | "failed";
  /** In words, when it is not running. */
  readonly reason: string;
  /** What identifies the module it was given, where the proxy tells. */
  readonly module?: string;
  /** Why the API server last refused to move it. */
  readonly refusal?: string;
}

/** What a window came to. */
export interface Outcome {
  readonly verdict: "ok" | "worse" | "unclear";
  /** In words and numbers. */
  readonly text: string;
  /** Figures of the old version during the window, of the applications in which a pod ran it. */
  readonly stable: Groups;
  /** What could not be compared at all, in words. */
  readonly unknown?: readonly string[];
}

/** What is known of the world before the next action. */
export interface Observation {
  readonly pods: readonly PodView[];
  readonly stable: StablePlugin;
  /** Of the window of this very phase and step, once it has ended. */
  readonly outcome?: Outcome;
  /** What was last approved, as `approvalOf` writes it. */
  readonly approved?: string;
  /** The pods were compared once more after the approval. */
  readonly looked: boolean;
  /** Why somebody wants it undone. */
  readonly abort?: string;
  /** The pods have had all the time they are given since the last change that had an effect. */
  readonly overdue: boolean;
}

/** The one thing to do next. Each may be repeated and may be cut off anywhere. */
export type Action =
  | { readonly kind: "save"; readonly state: RolloutState }
  | { readonly kind: "move"; readonly pods: readonly string[]; readonly to: Track }
  | { readonly kind: "wait"; readonly what: string }
  | { readonly kind: "watch" }
  | { readonly kind: "ask"; readonly reason: string }
  | { readonly kind: "promote" }
  | { readonly kind: "finish"; readonly result: Result; readonly reason: string }
  | { readonly kind: "stuck"; readonly reason: string };
