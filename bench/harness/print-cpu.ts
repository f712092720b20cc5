import { table } from "../../scripts/lib/table.ts";
import type { Estimate } from "../statistics.ts";
import { environmentLine } from "./command.ts";
import type { CpuArm, CpuReport } from "./types.ts";

/** The report as lines for a terminal. */
export function printCpu(report: CpuReport): void {
  const { arms, missing, ratios, refusals, options } = report;
  console.log(`${environmentLine(report.environment)}\n`);
  console.log(
    `CPU of one filter a request: ${options.copies} copies, ${options.rounds} rounds of ${options.requests}`,
  );
  console.log(
    table([
      ["arm", "µs a filter", "95 % CI", "whole request", "one copy adds", "95 % CI"],
      ...arms.map(armRow),
    ]),
  );
  console.log("\n  what each leaves out of the filter's work:");
  for (const { label, leavesOut } of arms) console.log(`  ${label}: ${leavesOut.join(", ")}`);
  for (const { label, why } of missing) console.log(`  left out: ${label}: ${why}`);
  if (ratios.length > 0) {
    const rows = ratios.map(({ arm, to, ratio, target, stretch, met }) => [
      `${arm} / ${to}`,
      ratio.value.toFixed(2),
      range(ratio),
      `<= ${target}${stretch === undefined ? "" : ` (${stretch})`}`,
      met ? "met" : "not met",
    ]);
    console.log(`\n${table([["ratio of medians", "", "95 % CI", "target (stretch)", ""], ...rows])}`);
  }
  const refused = refusals.map((refusal) => {
    const { emptyMicros, allowedMicros, deniedMicros, nativeDeniedMicros, differenceMicros } = refusal;
    const costs = [emptyMicros, allowedMicros, deniedMicros, nativeDeniedMicros, differenceMicros];
    const values = costs.map(({ value }) => value.toFixed(1));
    const name: string = refusal.protocol;
    return [name].concat(values, range(differenceMicros, 1));
  });
  const refusedHead = [
    "whole request, µs",
    "no filter",
    "allowed",
    "refused",
    "native refused",
    "refused - allowed",
    "95 % CI",
  ];
  console.log(`\n${table([refusedHead, ...refused])}`);
}

function armRow({ label, perFilterMicros, wholeRequestMicros, oneCopyMicros }: CpuArm): string[] {
  const amplified = [perFilterMicros.value.toFixed(2), range(perFilterMicros)];
  const whole = [wholeRequestMicros, oneCopyMicros].map(({ value }) => value.toFixed(1));
  return [label].concat(amplified, whole, range(oneCopyMicros, 1));
}

/** The interval of an estimate. */
export function range({ low, high }: Pick<Estimate, "low" | "high">, digits = 2): string {
  return `${low.toFixed(digits)} .. ${high.toFixed(digits)}`;
}
