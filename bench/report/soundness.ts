import type { K6Report, Verdict } from "../lib/k6-types.ts";
import type { BenchReport } from "./model.ts";
import { fixed, short, whole } from "./numbers.ts";

/**
 * Conditions of a k6 run that did not hold and without which its figures say little: requests dropped or wrongly answered,
 * a filter that did not run. One line each. A goal of the filter that was missed is not among them.
 */
export function brokenConditions({ scenario, verdicts }: K6Report): string[] {
  return verdicts
    .filter(({ passed, isTarget }) => !passed && isTarget !== true)
    .map(
      (one) =>
        `${scenario}: ${one.name} is ${amount(one.measured, one)}, not ${one.comparison} ${amount(one.bound, one)}`,
    );
}

/** A figure of a condition, in its unit. */
export function amount(value: number, { unit }: Pick<Verdict, "unit">): string {
  const text = Number.isInteger(value) ? whole(value) : short(value);
  if (unit === "bytes") return `${fixed(value / 2 ** 20, 1)} MiB`;
  return unit === "" ? text : `${text} ${unit === "us" ? "µs" : unit}`;
}

/** Names a part that failed rather than was left out. */
export function failedParts({ absent }: Pick<BenchReport, "absent">): string[] {
  return absent.filter(({ why }) => why !== LEFT_OUT).map(({ part }) => part);
}

/** Why a part is absent that nobody asked for. */
export const LEFT_OUT = "not asked for";

/** Nothing failed, and no condition broke without which the figures say little. */
export function isSound(report: BenchReport): boolean {
  const broken = report.k6.flatMap(brokenConditions);
  return failedParts(report).length + broken.length === 0 && report.environment.moduleChanged !== true;
}

const BUSY = 1;
/** A core that is less busy than this in a closed loop was waiting for the load. */
const FULL = 0.9;

/** All that keeps a report from being one to publish, one line each; empty: nothing does. */
export function cautions(report: BenchReport): string[] {
  const { quick, environment, k6, absent, commit } = report;
  const lines: string[] = [];
  if (quick) lines.push("A quick run: few rounds, wide intervals. Not for publication.");
  if (environment.loadAverageBefore >= BUSY) {
    lines.push(
      `The machine was busy before the run began (load average ${fixed(environment.loadAverageBefore, 1)}): timings are noisier than they need be.`,
    );
  }
  if (environment.moduleChanged === true)
    lines.push("The module was built anew meanwhile: the parts are not of one module.");
  if (commit.endsWith("+")) lines.push("The tree had changes beside the commit that is named.");
  const idle = report.throughput?.arms.filter(({ busy }) => busy.value < FULL) ?? [];
  if (idle.length > 0) {
    const least = Math.min(...idle.map(({ busy }) => busy.value));
    lines.push(
      `Throughput: Envoy's core was only ${fixed(least * 100, 0)} % busy: not Envoy but the load was the limit.`,
    );
  }
  for (const line of k6.flatMap(brokenConditions)) lines.push(`A condition did not hold: ${line}.`);
  for (const { part, why } of absent.filter(({ why: reason }) => reason !== LEFT_OUT))
    lines.push(`The part ${part} could not be measured: ${why}`);
  return lines;
}
