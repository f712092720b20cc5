import type { Track } from "../cluster/pods.ts";
import type { Group } from "./judge.ts";
import { podsWanted } from "./plan.ts";
import { approvalOf, describeStep, type Phase, type RolloutState } from "./state.ts";

/** A pod as the machine sees it. */
export interface PodView {
  readonly name: string;
  readonly track: Track;
  readonly ready: boolean;
  /** Whether its data plane runs what its track has; `failed` when that will not come by itself. */
  readonly standing: "running" | "coming" | "failed";
  /** In words, when it is not running. */
  readonly reason: string;
  /** What identifies the module it was given, where the proxy tells. */
  readonly module?: string;
}

/** What a window came to. */
export interface Outcome {
  readonly verdict: "ok" | "worse" | "unclear";
  /** In words and numbers. */
  readonly text: string;
  /** Figures of the old version during the window, where any pod ran it. */
  readonly stable?: Group;
  /** What could not be compared at all, in words. */
  readonly unknown?: readonly string[];
}

/** What is known of the world before the next action. */
export interface Observation {
  readonly pods: readonly PodView[];
  /** The stable plugin has the new spec. */
  readonly stableIsTarget: boolean;
  /** Of the window of this very phase and step, once it has ended. */
  readonly outcome?: Outcome;
  /** What was last approved, as `approvalOf` writes it. */
  readonly approved?: string;
  /** Why somebody wants it undone. */
  readonly abort?: string;
  /** The pods have had all the time they are given since the last change. */
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
  | { readonly kind: "finish"; readonly result: "promoted" | "rolled-back"; readonly reason: string }
  | { readonly kind: "stuck"; readonly reason: string };

/**
 * Decides what to do next from the state and what is seen, and from nothing else: a process that dies is continued by
 * the next one with the same decisions.
 */
export function nextAction(state: RolloutState, seen: Observation): Action {
  const { abort } = seen;
  if (abort !== undefined && canTurnBack(state)) return rollBack(state, `aborted: ${abort}`);
  return deciders[state.phase](state, seen);
}

const deciders: Readonly<Record<Phase, (state: RolloutState, seen: Observation) => Action>> = {
  baseline,
  moving,
  watching,
  paused,
  promoting: (state, { stableIsTarget }) =>
    stableIsTarget ? enter(state, "returning") : { kind: "promote" },
  returning,
  "rolling-back": rollingBack,
};

/** Whether the old version is still what the stable plugin has, so that labels alone undo everything. */
export function canTurnBack({ phase }: RolloutState): boolean {
  return phase === "baseline" || phase === "moving" || phase === "watching" || phase === "paused";
}

function baseline(state: RolloutState, { pods, outcome, overdue }: Observation): Action {
  if (pods.length === 0) return missingPods(state, overdue);
  if (outcome === undefined) return { kind: "watch" };
  const { stable } = outcome;
  return {
    kind: "save",
    state: { ...state, phase: "moving", ...(stable === undefined ? {} : { baseline: stable }) },
  };
}

function moving(state: RolloutState, { pods, overdue }: Observation): Action {
  if (pods.length === 0) return missingPods(state, overdue);
  const canary = on(pods, "canary");
  const failed = canary.find(({ standing }) => standing === "failed");
  if (failed !== undefined) return rollBack(state, `pod ${failed.name} ${failed.reason}`);
  const missing = wantedAt(state, pods.length) - canary.length;
  const free = on(pods, "stable").filter(({ ready }) => ready);
  if (missing > 0 && free.length > 0) return move(free, missing, "canary");
  const late = canary.find(({ standing }) => standing === "coming");
  if (missing <= 0 && late === undefined) {
    const module = canary.find((pod) => pod.module !== undefined)?.module;
    return enter({ ...state, ...(module === undefined ? {} : { module }) }, "watching");
  }
  const what =
    late === undefined
      ? `${missing} more pods are ready to move`
      : `pod ${late.name} runs the new version (it ${late.reason})`;
  if (!overdue) return { kind: "wait", what };
  return rollBack(state, `in vain it was waited until ${what}`);
}

function watching(state: RolloutState, { pods, outcome, approved, overdue }: Observation): Action {
  const canary = on(pods, "canary");
  const failed = canary.find(({ standing }) => standing === "failed");
  if (failed !== undefined) return rollBack(state, `pod ${failed.name} ${failed.reason}`);
  // Pods were replaced: their successors are born on the stable track. A few more or less do not matter.
  if (canary.length * 2 < wantedAt(state, pods.length) || canary.length === 0) return enter(state, "moving");
  const late = canary.find(({ standing }) => standing === "coming");
  if (late !== undefined) {
    const what = `pod ${late.name} runs the new version (it ${late.reason})`;
    return overdue ? rollBack(state, `in vain it was waited until ${what}`) : { kind: "wait", what };
  }
  if (outcome === undefined) return { kind: "watch" };
  const known = outcome.stable === undefined ? state : { ...state, baseline: outcome.stable };
  if (outcome.verdict === "worse") return rollBack(known, outcome.text);
  if (outcome.verdict === "unclear") {
    if (state.plan.onDoubt === "rollback") return rollBack(known, outcome.text);
    return enter(known, "paused", `too little is known: ${outcome.text}`);
  }
  if (state.plan.approval === "manual" && approved !== approvalOf(state))
    return enter(known, "paused", `${describeStep(state)} is fine and waits for approval: ${outcome.text}`);
  return advance(known);
}

function paused(state: RolloutState, { approved }: Observation): Action {
  if (approved === approvalOf(state)) return advance(state);
  return { kind: "ask", reason: state.reason ?? "it waits for approval" };
}

function returning(state: RolloutState, { pods, overdue }: Observation): Action {
  const canary = on(pods, "canary");
  const stable = on(pods, "stable");
  const waiting = unsettled(stable) ?? stable.find((pod) => hasOtherModule(state, pod));
  if (waiting !== undefined) {
    const why = waiting.standing === "running" ? "still has the old module" : waiting.reason;
    const what = `pod ${waiting.name} runs the promoted version (it ${why})`;
    return overdue ? { kind: "stuck", reason: what } : { kind: "wait", what };
  }
  if (canary.length === 0)
    return { kind: "finish", result: "promoted", reason: "all pods run the new version" };
  const next = state.plan.steps
    .map((percent) => podsWanted(pods.length, percent))
    .find((n) => n > stable.length);
  return move(canary, (next ?? pods.length) - stable.length, "stable");
}

function rollingBack(state: RolloutState, { pods, overdue }: Observation): Action {
  const canary = on(pods, "canary");
  if (canary.length > 0) return move(canary, canary.length, "stable");
  const waiting = unsettled(pods);
  const reason = state.reason ?? "no reason was recorded";
  if (waiting === undefined) return { kind: "finish", result: "rolled-back", reason };
  const what = `pod ${waiting.name} runs the old version again (it ${waiting.reason})`;
  return overdue
    ? { kind: "stuck", reason: `${what}; it is rolled back because ${reason}` }
    : { kind: "wait", what };
}

function advance(state: RolloutState): Action {
  if (state.step + 1 >= state.plan.steps.length) return enter(state, "promoting");
  return enter({ ...state, step: state.step + 1 }, "moving");
}

function enter(state: RolloutState, phase: Phase, reason?: string): Action {
  const { reason: _last, ...rest } = state;
  return { kind: "save", state: { ...rest, phase, ...(reason === undefined ? {} : { reason }) } };
}

function rollBack(state: RolloutState, reason: string): Action {
  return enter(state, "rolling-back", reason);
}

function missingPods(state: RolloutState, overdue: boolean): Action {
  if (!overdue) return { kind: "wait", what: "there is a pod" };
  return rollBack(state, "there are no pods to move");
}

function move(from: readonly PodView[], count: number, to: Track): Action {
  return { kind: "move", pods: from.slice(0, count).map(({ name }) => name), to };
}

function on(pods: readonly PodView[], track: Track): PodView[] {
  return pods.filter((pod) => pod.track === track);
}

/** The pod that stands worst. */
function unsettled(pods: readonly PodView[]): PodView | undefined {
  return (
    pods.find(({ standing }) => standing === "failed") ?? pods.find(({ standing }) => standing === "coming")
  );
}

function hasOtherModule({ module }: RolloutState, pod: PodView): boolean {
  return module !== undefined && pod.module !== undefined && pod.module !== module;
}

function wantedAt({ plan, step }: RolloutState, total: number): number {
  return podsWanted(total, plan.steps[step] ?? 100);
}
