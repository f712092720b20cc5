import { CliError } from "../../scripts/lib/cli.ts";
import type { Verdict } from "./k6-types.ts";

const comparisons: Readonly<Record<Verdict["comparison"], (a: number, b: number) => boolean>> = {
  "<=": (a, b) => a <= b,
  ">=": (a, b) => a >= b,
  "==": (a, b) => a === b,
  "<": (a, b) => a < b,
  ">": (a, b) => a > b,
};

/** A condition and whether it holds. A figure that is not a number never passes. */
export function verdict(name: string, [measured, comparison, bound]: Condition, unit = ""): Verdict {
  return { name, measured, comparison, bound, unit, passed: comparisons[comparison](measured, bound) };
}

/** A goal for the filter, as a verdict. */
export function target(name: string, condition: Condition, unit = ""): Verdict {
  return { ...verdict(name, condition, unit), isTarget: true };
}

/** `[12, "<=", 20]` */
export type Condition = readonly [measured: number, comparison: Verdict["comparison"], bound: number];

/** What `handleSummary` gives: metrics with their values and, where there are thresholds, whether they held. */
export interface K6Summary {
  readonly metrics: Readonly<Record<string, K6Metric>>;
}

interface K6Metric {
  readonly values: Readonly<Record<string, number>>;
  readonly thresholds?: Readonly<Record<string, { readonly ok: boolean }>>;
}

/** k6's thresholds as verdicts; whether one passed is k6's word. */
export function thresholdVerdicts({ metrics }: K6Summary): Verdict[] {
  return Object.entries(metrics).flatMap(([metric, { values, thresholds = {} }]) =>
    Object.entries(thresholds).map(([expression, { ok }]): Verdict => {
      const [, statistic = "", comparison, bound] =
        /^(\S+?)\s*(<=|>=|==|<|>)\s*([\d.]+)$/.exec(expression) ?? [];
      if (!isComparison(comparison)) throw new CliError(`cannot read the threshold ${metric}: ${expression}`);
      const unit = metric.startsWith("waiting_us") ? "us" : "";
      return {
        name: `${metric} ${statistic}`,
        measured: values[statistic] ?? NaN,
        comparison,
        bound: Number(bound),
        unit,
        passed: ok,
      };
    }),
  );
}

function isComparison(text: string | undefined): text is Verdict["comparison"] {
  return text !== undefined && text in comparisons;
}
