import { table } from "../../../scripts/lib/table.ts";
import type { WasmPluginSpec } from "../cluster/plugins.ts";
import { expectedHash } from "../cluster/render.ts";
import type { Ending } from "./driver.ts";
import { podsWanted } from "./plan.ts";
import { approvalOf, describeStep, type RolloutState } from "./state.ts";

/** What a run of the command tells. */
export interface Report {
  readonly result: Ending["result"];
  readonly reason: string;
  readonly rollout: string;
  readonly phase: RolloutState["phase"];
  /** From 1. */
  readonly step: number;
  readonly steps: readonly number[];
  readonly image: string;
  readonly configHash: string;
  /** What was not compared, and why: nothing in it speaks for the new version. */
  readonly notCompared: readonly string[];
  /** What to do now, when something is left to do. */
  readonly next?: string;
}

/** The report of an ending. */
export function reportOf({ result, reason, state, unknown }: Ending, target: WasmPluginSpec): Report {
  const next = nextStep(result, state);
  return {
    result,
    reason,
    rollout: state.id,
    phase: state.phase,
    step: state.step + 1,
    steps: state.plan.steps,
    image: target.url,
    configHash: expectedHash(target),
    notCompared: unknown,
    ...(next === undefined ? {} : { next }),
  };
}

/** The report in words. */
export function describeReport(report: Report, state: RolloutState): string {
  const what = `${report.image}, configuration ${report.configHash}`;
  const lines: Readonly<Record<Report["result"], string>> = {
    promoted: `promoted: ${report.reason}: ${what}`,
    "rolled-back": `rolled back: all pods run the old version again, not ${what}\nbecause ${report.reason}`,
    superseded: `ended: the pods run what the stable plugin has now, not ${what}\nbecause ${report.reason}`,
    stopped: `stopped in ${describeStep(state)}, phase ${report.phase}; the pods stay as they are: ${what}`,
    undecided: `paused in ${describeStep(state)}; the pods stay as they are: ${what}\nbecause ${report.reason}`,
    stuck: `stuck in phase ${report.phase}: ${report.reason}`,
  };
  return [
    lines[report.result],
    ...report.notCompared.map((text) => `not compared: ${text}`),
    ...(report.next === undefined ? [] : [report.next]),
  ].join("\n");
}

function nextStep(result: Ending["result"], state: RolloutState): string | undefined {
  switch (result) {
    case "stopped":
      return "go on: tickgate rollout --resume; take it back: tickgate rollout abort";
    case "undecided":
      return `approve (${approvalOf(state)}): tickgate rollout approve, then tickgate rollout --resume; take it back: tickgate rollout abort`;
    case "stuck":
      return "tickgate status shows the pods; try again: tickgate rollout --resume; take it back: tickgate rollout abort";
    case "superseded":
      return "tickgate status shows what runs; tickgate rollback puts back what ran before";
    default:
      return undefined;
  }
}

/** What a rollout would do, step by step. */
export function describePlan({ plan, phase }: RolloutState, pods: number): string {
  const { thresholds, windowMillis, maxWindowMillis, approval, onDoubt } = plan;
  const rows = plan.steps.map((percent, index) => [
    `step ${index + 1}`,
    `${podsWanted(pods, percent)} of ${pods} pods`,
    `watched ${seconds(windowMillis)}, at most ${seconds(maxWindowMillis)}`,
  ]);
  return [
    ...(phase === "baseline"
      ? [
          "first the old version is watched: the first step leaves nothing of it, or of an application, to compare with",
        ]
      : []),
    table(rows),
    `approval: ${approval}; on doubt: ${onDoubt}; decisions need ${thresholds.minRequests} requests of each version`,
    `rolled back when with a confidence of ${share(thresholds.confidence)} more than allowed: errors +${share(thresholds.maxErrorIncrease)}, ` +
      `quota denials +${share(thresholds.maxDenialIncrease)}, filter failures +${share(thresholds.maxFailureIncrease)}, ` +
      `p50 or p99 +${share(thresholds.maxLatencyIncrease)} and ${thresholds.latencyFloorMicros} us; or when a VM traps, or a pod refuses it`,
    "then the stable plugin gets the new version, and the pods return to it in the same steps",
  ].join("\n");
}

function share(value: number): string {
  return `${Number((value * 100).toFixed(3))}%`;
}

function seconds(millis: number): string {
  return `${millis / 1000} s`;
}
