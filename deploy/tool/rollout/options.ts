import type { ParsedArgs } from "citty";
import { assertUrl, clusterArguments, durationMillis } from "../cluster/arguments.ts";
import { istiodArgument } from "../delivery/session.ts";
import { UsageError } from "../usage.ts";
import { strategySteps, type Plan, type Strategy } from "./plan.ts";
import type { Thresholds } from "./verdict.ts";

/** Where the figures come from, and who may drive: needed to continue a rollout too. */
export const driveArguments = {
  ...clusterArguments,
  ...istiodArgument,
  prometheus: {
    type: "string",
    description:
      "URL of Prometheus; without it the pods themselves are asked. A token: TICKGATE_PROMETHEUS_TOKEN",
  },
  "prometheus-pod-label": { type: "string", description: "label with the pod's name", default: "pod" },
  "prometheus-namespace-label": {
    type: "string",
    description: "label with its namespace; empty where no series has one",
    default: "namespace",
  },
  "prometheus-matchers": {
    type: "string",
    description: 'further matchers in PromQL, where it has several clusters: cluster="eu"',
    default: "",
  },
  "approval-timeout": {
    type: "string",
    description: "how long a pause waits for an approval",
    default: "1h",
  },
  "force-conflicts": { type: "boolean", description: "take over fields that others own" },
} as const;

/** Values of `driveArguments`. */
export type DriveArguments = ParsedArgs<typeof driveArguments>;

const prometheusExample = "http://prometheus.monitoring:9090";

/** A UsageError for values of `driveArguments` that make no sense, before anything is asked or changed. */
export function checkDriveArguments(args: DriveArguments): void {
  durationMillis("approval-timeout", args["approval-timeout"]);
  if (args.prometheus !== undefined) assertUrl("prometheus", args.prometheus, prometheusExample);
}

/** What a new rollout brings and how it goes. */
export const planArguments = {
  image: { type: "string", description: "oci://REGISTRY/REPOSITORY@sha256:DIGEST" },
  config: {
    type: "string",
    description: "plugin configuration (JSON file); alone: a change of nothing else",
  },
  strategy: { type: "string", description: "canary, or blue-green: one pod, then all", default: "canary" },
  steps: { type: "string", description: "percent of the pods: 5,25,50,100; 0 is one pod" },
  window: { type: "string", description: "how long every step is watched", default: "60s" },
  "max-window": { type: "string", description: "at most, when too little is known (default: five windows)" },
  settle: {
    type: "string",
    description: "between a move and its window; not less than Envoy's statsFlushInterval",
    default: "5s",
  },
  approve: { type: "string", description: "auto, or manual: every step waits", default: "auto" },
  "on-doubt": {
    type: "string",
    description: "after the longest window: pause or rollback",
    default: "pause",
  },
  "max-error-increase": { type: "string", description: "more errors than the old version", default: "0.5%" },
  "max-denial-increase": { type: "string", description: "more requests over quota", default: "5%" },
  "max-failure-increase": { type: "string", description: "more failures of the filter", default: "0.1%" },
  "max-latency-increase": { type: "string", description: "p50 and p99 over the old ones", default: "25%" },
  "latency-floor": { type: "string", description: "a smaller increase is none", default: "500us" },
  "min-requests": { type: "string", description: "of each version; fewer decide nothing", default: "100" },
  confidence: { type: "string", description: "of a roll back for what is counted", default: "99.9%" },
} as const;

/** Values of `planArguments`. */
export type PlanArguments = ParsedArgs<typeof planArguments>;

/** The plan of a command line; a UsageError for a value that makes no sense. */
export function planOf(args: PlanArguments, timeoutMillis: number): Plan {
  const strategy = oneOf("strategy", args.strategy, ["canary", "blue-green"]);
  const windowMillis = durationMillis("window", args.window);
  const longest = args["max-window"];
  const maxWindowMillis = longest === undefined ? 5 * windowMillis : durationMillis("max-window", longest);
  if (maxWindowMillis < windowMillis)
    throw new UsageError(`--max-window ${longest ?? ""} is shorter than --window ${args.window}`);
  return {
    strategy,
    steps: stepsOf(args.steps, strategy),
    windowMillis,
    maxWindowMillis,
    settleMillis: durationMillis("settle", args.settle),
    timeoutMillis,
    approval: oneOf("approve", args.approve, ["auto", "manual"]),
    onDoubt: oneOf("on-doubt", args["on-doubt"], ["pause", "rollback"]),
    thresholds: thresholdsOf(args),
  };
}

function thresholdsOf(args: PlanArguments): Thresholds {
  const share = (name: keyof PlanArguments): number => percent(name, String(args[name]), 100);
  const confidence = share("confidence");
  if (confidence < 0.5 || confidence >= 1)
    throw new UsageError(`--confidence ${args.confidence} is not in 50%..99.999%`);
  return {
    maxErrorIncrease: share("max-error-increase"),
    maxDenialIncrease: share("max-denial-increase"),
    maxFailureIncrease: share("max-failure-increase"),
    maxLatencyIncrease: percent("max-latency-increase", args["max-latency-increase"], 10_000),
    latencyFloorMicros: durationMillis("latency-floor", args["latency-floor"]) * 1000,
    minRequests: count("min-requests", args["min-requests"]),
    confidence,
  };
}

function stepsOf(text: string | undefined, strategy: Strategy): readonly number[] {
  if (text === undefined) return strategySteps[strategy];
  const steps = text
    .split(",")
    .map((step) => (/^\d+(\.\d+)?$/.test(step.trim()) ? Number(step) : Number.NaN));
  const ascending = steps.every((step, index) => step > (steps[index - 1] ?? -1));
  if (ascending && steps.at(-1) === 100) return steps;
  throw new UsageError(
    `--steps ${text} is not a list of percentages that ascends to 100`,
    "--steps 5,25,50,100",
  );
}

function oneOf<T extends string>(name: string, value: string, known: readonly T[]): T {
  const found = known.find((one) => one === value);
  if (found !== undefined) return found;
  throw new UsageError(`--${name} ${value} is not known`, known.join(" or "));
}

/** A share from a percentage with its sign: `0.5%` is 0.005. */
function percent(name: string, text: string, most: number): number {
  const [, digits] = /^(\d+(?:\.\d+)?)%$/.exec(text) ?? [];
  const value = Number(digits);
  if (digits !== undefined && value <= most) return value / 100;
  throw new UsageError(`--${name} ${text} is not a percentage up to ${most}%`, `--${name} 5%`);
}

function count(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new UsageError(`--${name} ${text} is not a whole number above 0`);
}
