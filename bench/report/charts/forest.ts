import type { Comparison } from "../../lib/k6-types.ts";
import type { ArmFamily } from "../../harness/types.ts";
import type { Estimate } from "../../statistics.ts";
import { axisAround, type Span } from "./axis.ts";
import { AXIS, FONT, GRID, TEXT, colour, draw, familyColour } from "./theme.ts";
import { whiskers } from "./whiskers.ts";

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
    span: spanOf(rows, quantile, band),
  }));
  const option = {
    grid: panels.map(({ left }) => ({ ...GRID, left, width: panel, top: FOREST.top, bottom: FOREST.bottom })),
    xAxis: panels.map(({ index, span }) => ({
      ...AXIS,
      type: "value",
      gridIndex: index,
      ...span,
      name: "µs more than no filter",
      nameGap: 30,
      axisLabel: {
        ...TEXT,
        fontSize: 12,
        color: colour("muted"),
        formatter: compact,
        alignMinLabel: "left",
        alignMaxLabel: "right",
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
    series: panels.map(({ quantile, index, span }) => {
      const intervals = rows.map(({ comparison, family }, place) => {
        const { value, low, high } = comparison[quantile];
        return { place, value, low, high, colour: familyColour(family) };
      });
      const axes = { xAxisIndex: index, yAxisIndex: index };
      return Object.assign(
        whiskers(intervals, { along: "x", dot: true, axes, span }),
        zero(band?.[quantile]),
      );
    }),
  };
  return draw(option, { width: FOREST.width, height });
}

/** Room for all but the wildest rows: those get an arrow, so that they do not press the others flat. */
function spanOf(
  rows: readonly ForestRow[],
  quantile: (typeof QUANTILES)[number],
  band: Comparison | undefined,
): Span {
  const estimates = rows.map(({ comparison }): Estimate => comparison[quantile]);
  const shown = band === undefined ? [0] : [0, band[quantile].low, band[quantile].high];
  return axisAround(
    estimates.flatMap(({ low, high }) => [low, high]),
    shown,
  );
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
