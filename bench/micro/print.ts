import { table } from "../../scripts/lib/table.ts";
import type { Figures, PathCost } from "./figures.ts";
import type { Change } from "./gate.ts";
import { FLAT, growth, type SweepResult } from "./sweeps.ts";

/** Host calls that return bytes: the host calls the filter's malloc for each. */
const RETURNING = /^proxy_get_(header_map_pairs|header_map_value|property|shared_data|buffer_bytes)$/;

/** Host calls a request, all or those that return bytes. */
export function hostCalls({ calls }: PathCost, which: "all" | "returning"): number {
  const counts = Object.entries(calls).filter(([name]) => which === "all" || RETURNING.test(name));
  return Math.round(counts.reduce((total, [, count]) => total + count, 0) * 1000) / 1000;
}

/** The run's figures as tables: paths, host calls by name, sweeps. */
export function figureTables({ moduleBytes, toolchain, paths, sweeps }: Figures): string {
  const counted = toolchain === undefined ? "" : `; counted by ${toolchain}`;
  const parts = [`module  ${moduleBytes} bytes${counted}`, table(pathRows(paths)), table(callRows(paths))];
  if (sweeps !== undefined) parts.push(sweeps.map(sweepTable).join("\n\n"));
  return parts.join("\n\n");
}

function pathRows(paths: Figures["paths"]): string[][] {
  const head = [
    "path",
    "host calls",
    "returning",
    "mallocs",
    "bytes in",
    "instructions",
    "pages",
    "after 1M",
  ];
  const rows = Object.entries(paths).map(([name, cost]) => [
    name,
    String(hostCalls(cost, "all")),
    String(hostCalls(cost, "returning")),
    String(cost.mallocs),
    String(cost.bytesCopied),
    cost.instructions?.toFixed(1) ?? "-",
    String(cost.pages ?? "-"),
    cost.pagesGrown === undefined ? "-" : `+${cost.pagesGrown}`,
  ]);
  return [head, ...rows];
}

function callRows(paths: Figures["paths"]): string[][] {
  const names = [...new Set(Object.values(paths).flatMap((cost) => Object.keys(cost.calls)))].toSorted();
  const rows = Object.entries(paths).map(([path, cost]) => {
    return [path].concat(names.map((name) => shown(cost.calls[name])));
  });
  return [["host calls a request", ...names.map((name) => name.replace(/^proxy_/, ""))], ...rows];
}

function sweepTable(sweep: SweepResult): string {
  const sizes = sweep.points.map(({ size }) => size.toLocaleString("en"));
  const costs = sweep.points.map(({ instructions }) => instructions.toFixed(1));
  const flat = growth(sweep) <= FLAT ? "flat" : `NOT FLAT, at most ${FLAT}`;
  return table([
    [sweep.name, ...sizes, ""],
    ["instructions", ...costs, `x${growth(sweep).toFixed(2)}: ${flat}`],
  ]);
}

/** Before and after of what changed. */
export function changeTable(changes: readonly Change[]): string {
  const rows = changes.map(({ path, figure, before, after }) => {
    const known = before !== undefined && after !== undefined && before !== 0;
    const change = known ? `${(((after - before) / before) * 100).toFixed(1)} %` : "";
    return [path, figure, shown(before), shown(after), change];
  });
  return table([["path", "figure", "before", "after", "change"], ...rows]);
}

function shown(count: number | undefined): string {
  return count === undefined ? "" : String(count);
}
