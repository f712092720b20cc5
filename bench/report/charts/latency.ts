import type { Comparison, Distribution } from "../../lib/k6-types.ts";
import type { ArmFamily } from "../../harness/types.ts";
import { short } from "../numbers.ts";
import { AXIS, FONT, GRID, TEXT, colour, draw, familyColour, legend, type Colour } from "./theme.ts";
import { whiskers } from "./whiskers.ts";

/** One line of the distributions. */
export interface Curve {
  readonly label: string;
  readonly colour: Colour;
  readonly dashed: boolean;
  readonly latency: Distribution;
}

const SHARES = [0.5, 0.9, 0.99, 0.999];

/** Shares of requests spread so that each further nine takes the same width. */
function nines(share: number): number {
  return -Math.log10(1 - share);
}

/** Latency by share of requests: what so many of them were answered within. */
export function latencyChart(curves: readonly Curve[]): string {
  const series = curves.map(({ label, colour: name, dashed, latency }) => ({
    type: "line",
    name: label,
    showSymbol: false,
    data: latency.curve.map(([share, micros]) => [nines(share), micros]),
    lineStyle: { color: colour(name), width: dashed ? 1.5 : 2.25, ...(dashed && { type: [5, 4] }) },
    itemStyle: { color: colour(name) },
  }));
  const option = {
    grid: { ...GRID, left: 74, right: 30, top: 66, bottom: 56 },
    legend: legend(74),
    xAxis: {
      ...AXIS,
      type: "value",
      min: 0,
      max: nines(0.999),
      name: "share of requests answered within",
      nameGap: 34,
      axisLabel: {
        ...TEXT,
        color: colour("muted"),
        customValues: [0, ...SHARES.map(nines)],
        formatter: (at: number) => `${Number(((1 - 10 ** -at) * 100).toFixed(1))} %`,
      },
      axisTick: { show: false, customValues: SHARES.map(nines) },
      splitLine: { show: false },
    },
    yAxis: {
      ...AXIS,
      type: "log",
      name: "µs (logarithmic)",
      nameGap: 54,
      min: ({ min }: { min: number }) => rounded(min, Math.floor),
      max: ({ max }: { max: number }) => rounded(max, Math.ceil),
      axisLabel: { ...TEXT, color: colour("muted"), formatter: short },
    },
    series,
  };
  return draw(option, { width: 960, height: 420 });
}

/** To one significant digit. */
function rounded(value: number, round: (value: number) => number): number {
  const unit = 10 ** Math.floor(Math.log10(value));
  return round(value / unit) * unit;
}

/** One row of the differences. */
export interface ForestRow {
  readonly label: string;
  readonly family: ArmFamily;
  readonly comparison: Comparison;
}

const QUANTILES = ["p50", "p90", "p99"] as const;
const FOREST = { left: 330, right: 24, top: 34, bottom: 50, gap: 44, width: 1000, row: 30 };

/** Differences to no filter at three quantiles, with intervals; the band is that of no filter against itself. */
export function forestChart(rows: readonly ForestRow[], band: Comparison | undefined): string {
  const panel = (FOREST.width - FOREST.left - FOREST.right - 2 * FOREST.gap) / QUANTILES.length;
  const height = FOREST.top + FOREST.bottom + FOREST.row * rows.length;
  const panels = QUANTILES.map((quantile, index) => ({
    quantile,
    index,
    left: FOREST.left + index * (panel + FOREST.gap),
  }));
  const option = {
    grid: panels.map(({ left }) => ({ ...GRID, left, width: panel, top: FOREST.top, bottom: FOREST.bottom })),
    xAxis: panels.map(({ index }) => ({
      ...AXIS,
      type: "value",
      gridIndex: index,
      splitNumber: 3,
      name: "µs more than no filter",
      nameGap: 30,
      axisLabel: {
        ...TEXT,
        fontSize: 12,
        color: colour("muted"),
        formatter: compact,
        alignMinLabel: "left",
        alignMaxLabel: "right",
        hideOverlap: true,
      },
    })),
    yAxis: panels.map(({ index, quantile }) => ({
      ...AXIS,
      type: "category",
      gridIndex: index,
      inverse: true,
      name: quantile,
      nameLocation: "start",
      nameGap: 12,
      nameTextStyle: {
        fontFamily: FONT,
        fontSize: 14,
        fontWeight: "bold",
        color: colour("ink"),
        align: "left",
      },
      data: rows.map(({ label }) => label),
      axisLabel: { ...TEXT, color: colour("ink"), show: index === 0 },
      axisLine: { onZero: false, lineStyle: { color: colour("line") } },
      splitLine: { show: false },
    })),
    series: panels.map(({ quantile, index }) => {
      const intervals = rows.map(({ comparison, family }, place) => {
        const { value, low, high } = comparison[quantile];
        return { place, value, low, high, colour: familyColour(family) };
      });
      const axes = { xAxisIndex: index, yAxisIndex: index };
      return Object.assign(whiskers(intervals, { along: "x", dot: true, axes }), zero(band?.[quantile]));
    }),
  };
  return draw(option, { width: FOREST.width, height });
}

function zero(band: { readonly low: number; readonly high: number } | undefined): object {
  const line = { color: colour("muted"), width: 1, type: "solid" };
  return {
    markLine: { symbol: "none", silent: true, lineStyle: line, label: { show: false }, data: [{ xAxis: 0 }] },
    ...(band && {
      markArea: {
        silent: true,
        itemStyle: { color: colour("empty"), opacity: 0.16 },
        data: [[{ xAxis: band.low }, { xAxis: band.high }]],
      },
    }),
  };
}

function compact(value: number): string {
  return Math.abs(value) >= 1000 ? `${Number((value / 1000).toFixed(1))}k` : String(value);
}
