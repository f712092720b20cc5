import type { Track } from "../cluster/pods.ts";
import type { Action, Observation, Outcome, PodView } from "./observation.ts";
import { podsWanted } from "./plan.ts";
import { isLost, lostByVersion, lostPods, movable, notReady, wasNeverReady } from "./readiness.ts";
import type { StablePlugin } from "./stable.ts";
import { approvalOf, describeStep, type Phase, type RolloutState } from "./state.ts";
import { draw } from "./workloads.ts";

/**
 * Decides what to do next from the state and what is seen, and from nothing else: a process that dies is continued by
 * the next one with the same decisions.
 */
export function nextAction(state: RolloutState, seen: Observation): Action {
  const { abort, stable } = seen;
  if (abort !== undefined && canTurnBack(state, stable)) return rollBack(state, `aborted: ${abort}`);
  return deciders[state.phase](state, seen);
}

type Decider = (state: RolloutState, seen: Observation) => Action;

const deciders: Readonly<Record<Phase, Decider>> = {
  baseline: comparing(baseline),
  moving: comparing(moving),
  watching: comparing(watching),
  paused: comparing(paused),
  promoting,
  returning,
  "rolling-back": rollingBack,
};

const beforePromotion: ReadonlySet<Phase> = new Set(["baseline", "moving", "watching", "paused"]);

/** Whether pods of the new version are still compared with pods of the old one. */
export function isBeforePromotion({ phase }: Pick<RolloutState, "phase">): boolean {
  return beforePromotion.has(phase);
}

/** Whether it can still be taken back: until the stable plugin has the new version by our own doing. */
export function canTurnBack({ phase }: RolloutState, { has }: StablePlugin): boolean {
  if (phase === "rolling-back") return false;
  return isBeforePromotion({ phase }) || has !== "target";
}

/** The new version is judged only against what the stable plugin had when the rollout began. */
function comparing(decide: Decider): Decider {
  return (state, seen) => {
    const failed = on(seen.pods, "canary").find(({ standing }) => standing === "failed");
    if (failed !== undefined) return rollBack(state, `pod ${failed.name} ${failed.reason}`);
    return seen.stable.has === "original" ? decide(state, seen) : untilStableHas("old", seen);
  };
}

function untilStableHas(version: "old" | "new", { stable, overdue }: Observation): Action {
  return waitOrStuck(`the stable plugin has the ${version} version (${stable.change})`, overdue);
}

function waitOrStuck(what: string, overdue: boolean): Action {
  return overdue ? { kind: "stuck", reason: what } : { kind: "wait", what };
}

function baseline(state: RolloutState, { pods, outcome, overdue }: Observation): Action {
  if (pods.length === 0) return missingPods(state, overdue);
  if (outcome === undefined) return { kind: "watch" };
  return enter(withBaseline(state, outcome), "moving");
}

function moving(state: RolloutState, { pods, overdue }: Observation): Action {
  if (pods.length === 0) return missingPods(state, overdue);
  const canary = on(pods, "canary");
  const wanted = wantedAt(state, pods.length);
  const missing = wanted - canary.length;
  const free = movable(on(pods, "stable"));
  if (missing > 0 && !overdue)
    return move(drawWilling(free, missing, { all: pods, wanted }), missing, "canary");
  const late = canary.filter(({ standing }) => standing === "coming");
  const awaited = late.find((pod) => !wasNeverReady(pod)) ?? (overdue ? undefined : late[0]);
  if (missing <= 0 && awaited === undefined) return beginToWatch(state, canary);
  const what =
    awaited === undefined
      ? `${missing} more pods could be moved${refusals(free)}`
      : `pod ${awaited.name} runs the new version (it ${awaited.reason})`;
  if (!overdue) return { kind: "wait", what };
  return rollBack(state, `in vain it was waited until ${what}`);
}

function drawWilling(
  free: readonly PodView[],
  count: number,
  step: { readonly all: readonly PodView[]; readonly wanted: number },
): PodView[] {
  const willing = free.filter(({ refusal }) => refusal === undefined);
  const refused = free.filter(({ refusal }) => refusal !== undefined);
  return [...draw(willing, count, step), ...refused];
}

/** What is known of the old version, for applications that it has left. */
function withBaseline(state: RolloutState, { stable }: Outcome): RolloutState {
  return { ...state, baseline: { ...state.baseline, ...stable } };
}

function beginToWatch(state: RolloutState, canary: readonly PodView[]): Action {
  const module = canary.find((pod) => pod.module !== undefined)?.module;
  const unready = canary.filter(wasNeverReady).map(({ name }) => name);
  return enter({ ...state, unready, ...(module === undefined ? {} : { module }) }, "watching");
}

function watching(state: RolloutState, seen: Observation): Action {
  const { pods, outcome, approved, overdue } = seen;
  const canary = on(pods, "canary");
  // Pods were replaced: their successors are born on the stable track. A few more or less do not matter.
  if (canary.length * 2 < wantedAt(state, pods.length) || canary.length === 0) return enter(state, "moving");
  const late = canary.find((pod) => pod.standing === "coming" && !wasNeverReady(pod));
  if (late !== undefined) {
    const what = `pod ${late.name} runs the new version (it ${late.reason})`;
    return overdue ? rollBack(state, `in vain it was waited until ${what}`) : { kind: "wait", what };
  }
  const lost = lostPods(canary);
  if (lostByVersion(pods)) return rollBack(state, notReady(lost));
  if (lost.some(isLost)) return doubt(state, notReady(lost), "");
  if (outcome === undefined) return { kind: "watch" };
  const known = withBaseline(state, outcome);
  if (outcome.verdict === "worse") return rollBack(known, outcome.text);
  if (outcome.verdict === "unclear") return doubt(known, outcome.text, "too little is known: ");
  // Not by a window that ends before it is known what becomes of them.
  if (lost.length > 0) return { kind: "wait", what: `pods are ready again, or not: ${notReady(lost)}` };
  if (state.plan.approval === "manual" && approved !== approvalOf(state))
    return enter(known, "paused", `${describeStep(state)} is fine and waits for approval: ${outcome.text}`);
  return advance(known);
}

function doubt(state: RolloutState, text: string, why: string): Action {
  if (state.plan.onDoubt === "rollback") return rollBack(state, text);
  return enter(state, "paused", `${why}${text}`);
}

function paused(state: RolloutState, { pods, outcome, approved, looked }: Observation): Action {
  if (outcome?.verdict === "worse") return rollBack(state, outcome.text);
  if (lostByVersion(pods)) return rollBack(state, notReady(lostPods(on(pods, "canary"))));
  if (approved !== approvalOf(state)) return { kind: "ask", reason: state.reason ?? "it waits for approval" };
  return looked ? advance(state) : { kind: "watch" };
}

function promoting(state: RolloutState, seen: Observation): Action {
  const { stable, overdue } = seen;
  if (stable.has === "target") return enter(state, "returning");
  // Never over somebody else's change. `between` is what a process leaves that died in the middle of it.
  if (stable.has === "other" || overdue) return untilStableHas("new", seen);
  return { kind: "promote" };
}

function returning(state: RolloutState, seen: Observation): Action {
  const { pods, overdue, abort } = seen;
  if (seen.stable.has !== "target") return untilStableHas("new", seen);
  const canary = on(pods, "canary");
  const stable = on(pods, "stable");
  const waiting = unsettled(stable) ?? stable.find((pod) => hasOtherModule(state, pod));
  if (waiting !== undefined) {
    const why = waiting.standing === "running" ? "still has the old module" : waiting.reason;
    return waitOrStuck(`pod ${waiting.name} runs the promoted version (it ${why})`, overdue);
  }
  if (canary.length === 0) {
    const late = abort === undefined ? "" : `; the abort came when it was promoted already: ${abort}`;
    return { kind: "finish", result: "promoted", reason: `all pods run the new version${late}` };
  }
  if (overdue) return unmoved(canary, "stable");
  const next = state.plan.steps
    .map((percent) => podsWanted(pods.length, percent))
    .find((n) => n > stable.length);
  return move(willingFirst(canary), (next ?? pods.length) - stable.length, "stable");
}

function rollingBack(state: RolloutState, seen: Observation): Action {
  const { pods, overdue, stable } = seen;
  const canary = on(pods, "canary");
  const reason = state.reason ?? "no reason was recorded";
  const because = `it is rolled back because ${reason}`;
  if (canary.length > 0)
    return overdue ? unmoved(canary, "stable", because) : move(canary, canary.length, "stable");
  const waiting = unsettled(pods);
  if (waiting !== undefined) {
    const what = `pod ${waiting.name} runs the old version again (it ${waiting.reason})`;
    return overdue ? { kind: "stuck", reason: `${what}; ${because}` } : { kind: "wait", what };
  }
  if (stable.has === "original") return { kind: "finish", result: "rolled-back", reason };
  return { kind: "finish", result: "superseded", reason: `${reason}; the stable plugin: ${stable.change}` };
}

/** Pods whose label does not stay as it is set, or may not be set. */
function unmoved(pods: readonly PodView[], to: Track, because?: string): Action {
  const names = pods.map(({ name }) => name).join(", ");
  const why = because === undefined ? "" : `; ${because}`;
  return { kind: "stuck", reason: `pods are labelled ${to}: ${names}${refusals(pods)}${why}` };
}

function refusals(pods: readonly PodView[]): string {
  const said = pods.flatMap(({ name, refusal }) => (refusal === undefined ? [] : [`${name}: ${refusal}`]));
  return said.length === 0 ? "" : ` (${said.join("; ")})`;
}

function willingFirst(pods: readonly PodView[]): PodView[] {
  return pods.toSorted((a, b) => Number(a.refusal !== undefined) - Number(b.refusal !== undefined));
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
