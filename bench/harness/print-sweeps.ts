import { table } from "../../scripts/lib/table.ts";
import { environmentLine } from "./command.ts";
import { range } from "./print-cpu.ts";
import type { SweepPoint, SweepReport } from "./types.ts";

/** The report as lines for a terminal. */
export function printSweeps(report: SweepReport): void {
  console.log(`${environmentLine(report.environment)}\n`);
  print("users", report.users);
  console.log("");
  print("live streams", report.liveStreams);
  for (const { label, why } of report.missing) console.log(`  left out: ${label}: ${why}`);
}

function print(what: string, points: readonly SweepPoint[]): void {
  const rows = points
    .toSorted((a, b) => a.arm.localeCompare(b.arm) || a.size - b.size)
    .map(({ arm, size, perFilterMicros }) => [
      arm,
      String(size),
      perFilterMicros.value.toFixed(2),
      range(perFilterMicros),
    ]);
  console.log(table([["arm", what, "µs a filter", "95 % CI"], ...rows]));
}
