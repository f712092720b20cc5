import { CliError } from "../../../scripts/lib/cli.ts";
import { parseJson } from "../json.ts";
import type { Plan } from "./plan.ts";
import type { Groups } from "./compare.ts";
import type { Fingerprint } from "./stable.ts";

/**
 * Where a rollout is. `baseline`: the old version is watched before anything moves. `moving`: pods are brought to the
 * step's share. `watching`: they are compared. `paused`: somebody has to decide. `promoting`: the stable plugin becomes
 * the new version. `returning`: pods go back to it in the same steps. `rolling-back`: pods go back to the old version.
 */
export type Phase =
  "baseline" | "moving" | "watching" | "paused" | "promoting" | "returning" | "rolling-back";

/** All that another process needs to continue; the pods' labels say who is where. */
export interface RolloutState {
  /** When it began, ISO 8601 in UTC; also its name in the history and in approvals. */
  readonly id: string;
  readonly plan: Plan;
  /** Of the stable plugin when it began. */
  readonly original: Fingerprint;
  readonly phase: Phase;
  /** Index into the plan's steps. */
  readonly step: number;
  /** Figures of the old version by application, for when no pod runs it any more. */
  readonly baseline?: Groups;
  /** What identifies the new module in the pods that run it. */
  readonly module?: string;
  /** Pods that were not ready before they were moved either, by name: that they are not is not held against it. */
  readonly unready?: readonly string[];
  /** Why it pauses or goes back. */
  readonly reason?: string;
}

/** Annotation of the canary plugin that holds the state. */
export const stateAnnotation = "tickgate.dev/rollout";

/** Writes the state for the annotation. */
export function encodeState(state: RolloutState): string {
  return JSON.stringify(state);
}

/** Reads the annotation; a CliError when it is none of ours. */
export function decodeState(text: string, where: string): RolloutState {
  try {
    const value = parseJson<Partial<RolloutState> | null>(text);
    if (isState(value)) return value;
  } catch {
    // Worded below.
  }
  throw new CliError(
    `annotation ${stateAnnotation} of ${where} is not the state of a rollout`,
    "somebody edited it; label the pods back to stable and delete that WasmPlugin",
  );
}

function isState(value: Partial<RolloutState> | null): value is RolloutState {
  const { id, plan, original, phase } = value ?? {};
  return [id, plan, original, phase].every((part) => part !== undefined);
}

/** The share of the current step in words: `25 %`, or `one pod`. */
export function describeStep({ plan, step }: RolloutState): string {
  const percent = plan.steps[step] ?? 100;
  const share = percent === 0 ? "one pod" : `${percent} %`;
  return `step ${step + 1} of ${plan.steps.length} (${share})`;
}

/** How the note of a rollout in the history begins. */
export function historyTag({ id }: RolloutState): string {
  return `rollout ${id}:`;
}

/** The name under which a step is approved: an approval is for one rollout and one step. */
export function approvalOf({ id, step }: RolloutState): string {
  return `${id}/${step + 1}`;
}
