import { table } from "../../scripts/lib/table.ts";
import { environmentLine } from "./command.ts";
import type { MemoryGrowth, MemoryReport } from "./types.ts";

/** The report as lines for a terminal. */
export function printMemory(report: MemoryReport): void {
  console.log(`${environmentLine(report.environment)}\n`);
  const rows = report.points.map(({ workers, withoutBytes, withBytes }) => [
    `${workers} ${workers === 1 ? "worker" : "workers"}`,
    mebibytes(withoutBytes.value),
    mebibytes(withBytes.value),
    mebibytes(withBytes.value - withoutBytes.value),
  ]);
  console.log(table([["Envoy's resident size, MiB", "without", "with", "the filter's"], ...rows]));
  console.log(`  one more worker's VM: ${mebibytes(report.bytesPerVm)} MiB`);
  console.log(`  ${growth(report.users, "users")}`);
  console.log(`  ${growth(report.series, "series")}`);
  const verdict = report.fits ? "fits" : "does not fit";
  const limit = mebibytes(report.limitBytes);
  console.log(
    `  2 workers, 100,000 users, 2,000 series: ${mebibytes(report.fullBytes)} MiB: ${verdict} ${limit}`,
  );
}

function growth({ count, bytes, per, bytesPer }: MemoryGrowth, what: string): string {
  const rate = `${mebibytes(bytesPer)} MiB per ${per.toLocaleString("en")}`;
  return `${count} ${what}: ${mebibytes(bytes.value)} MiB; ${rate}`;
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(2);
}
