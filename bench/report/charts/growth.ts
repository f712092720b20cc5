import type { MemoryReport } from "../../harness/types.ts";
import { whole } from "../numbers.ts";
import { AXIS, GRID, TEXT, colour, draw, legend, type Colour } from "./theme.ts";
import { whiskers } from "./whiskers.ts";

/** A line over sizes, with intervals where it has them. */
export interface GrowthLine {
  readonly label: string;
  readonly colour: Colour;
  readonly dashed?: boolean;
  readonly points: readonly {
    readonly size: number;
    readonly value: number;
    readonly low?: number;
    readonly high?: number;
  }[];
}

/** Something over sizes that grow by powers. */
export interface GrowthPanel {
  readonly xName: string;
  readonly yName: string;
  readonly lines: readonly GrowthLine[];
}

const PANEL = { width: 960, height: 356, left: 82, gap: 92, right: 24, top: 74, bottom: 56 };

/** Panels side by side, from zero, so that flat looks flat. */
export function growthChart(panels: readonly GrowthPanel[]): string {
  const width = (PANEL.width - PANEL.left - PANEL.right - PANEL.gap * (panels.length - 1)) / panels.length;
  const sizes = panels.map(({ lines }) =>
    [...new Set(lines.flatMap(({ points }) => points.map(({ size }) => size)))].toSorted((a, b) => a - b),
  );
  const option = {
    legend: legend(PANEL.left, "lines"),
    grid: panels.map((_, index) => ({
      ...GRID,
      left: PANEL.left + index * (width + PANEL.gap),
      width,
      top: PANEL.top,
      bottom: PANEL.bottom,
    })),
    xAxis: panels.map(({ xName }, index) => ({
      ...AXIS,
      type: "category",
      gridIndex: index,
      name: xName,
      nameGap: 34,
      data: (sizes[index] ?? []).map(whole),
    })),
    yAxis: panels.map(({ yName }, index) => ({
      ...AXIS,
      type: "value",
      gridIndex: index,
      min: 0,
      name: yName,
      nameGap: 58,
    })),
    series: panels.flatMap(({ lines }, index) =>
      lines.flatMap((line) => seriesOf(line, sizes[index] ?? [], index)),
    ),
  };
  return draw(option, PANEL);
}

function seriesOf(line: GrowthLine, sizes: readonly number[], index: number): object[] {
  const axes = { xAxisIndex: index, yAxisIndex: index };
  const place = (size: number): number => sizes.indexOf(size);
  const intervals = line.points.flatMap(({ size, value, low, high }) =>
    low === undefined || high === undefined
      ? []
      : [{ place: place(size), value, low, high, colour: line.colour }],
  );
  const drawn = {
    type: "line",
    name: line.label,
    ...axes,
    symbol: "circle",
    symbolSize: 6,
    z: line.colour === "ours" ? 4 : 3,
    data: line.points.map(({ size, value }) => [place(size), value]),
    lineStyle: { color: colour(line.colour), width: 2, ...(line.dashed === true && { type: [6, 4] }) },
    itemStyle: { color: colour(line.colour) },
  };
  return [drawn, ...(intervals.length > 0 ? [whiskers(intervals, { along: "y", dot: true, axes })] : [])];
}

const MEBI = 2 ** 20;

/** Envoy's resident size with and without the filter, against what a sidecar may have. */
export function memoryChart({ points, fullBytes, limitBytes }: MemoryReport): string {
  const places = [
    ...points.map(({ workers }) => `${workers} ${workers === 1 ? "worker" : "workers"}`),
    "2 workers, full (added up)",
  ];
  const limit = limitBytes / MEBI;
  const option = {
    legend: legend(66, "bars"),
    grid: { ...GRID, left: 66, right: 100, top: 44, bottom: 36 },
    xAxis: { ...AXIS, type: "category", data: places, axisLabel: { ...TEXT, color: colour("ink") } },
    yAxis: {
      ...AXIS,
      type: "value",
      name: "resident, MiB",
      nameGap: 42,
      max: Math.ceil((Math.max(limit, fullBytes / MEBI) * 1.1) / 32) * 32,
      interval: 32,
      axisLabel: { ...TEXT, color: colour("muted"), formatter: whole },
    },
    series: [
      bar("no filter", "empty", [...points.map(({ withoutBytes }) => withoutBytes.value / MEBI), null]),
      {
        ...bar("with Tickgate", "ours", [
          ...points.map(({ withBytes }) => withBytes.value / MEBI),
          fullBytes / MEBI,
        ]),
        markLine: {
          symbol: "none",
          silent: true,
          lineStyle: { color: colour("bad"), width: 1.5, type: "dashed" },
          label: { ...TEXT, color: colour("bad"), formatter: `${limit.toFixed(0)} MiB`, position: "end" },
          data: [{ yAxis: limit }],
        },
      },
    ],
  };
  return draw(option, { width: 960, height: 320 });
}

function bar(name: string, shade: Colour, values: readonly (number | null)[]): object {
  return {
    type: "bar",
    name,
    barMaxWidth: 44,
    barGap: "12%",
    itemStyle: { color: colour(shade), borderRadius: [2, 2, 0, 0] },
    label: {
      ...TEXT,
      show: true,
      position: "top",
      color: colour("ink"),
      formatter: ({ value }: { value: number | null }) => (value === null ? "" : value.toFixed(0)),
    },
    data: values,
  };
}
