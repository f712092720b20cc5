import type { Distribution } from "../../lib/k6-types.ts";
import { whole } from "../numbers.ts";
import { AXIS, GRID, TEXT, colour, draw, legend, type Colour } from "./theme.ts";

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
    symbol: "none",
    data: latency.curve.map(([share, micros]) => [nines(share), micros]),
    lineStyle: { color: colour(name), width: dashed ? 1.5 : 2.25, ...(dashed && { type: [5, 4] }) },
    itemStyle: { color: colour(name) },
  }));
  const marks = marksOf(curves);
  const option = {
    grid: { ...GRID, left: 110, right: 30, top: 66, bottom: 56 },
    legend: legend(110, "lines"),
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
      nameGap: 90,
      min: marks[0],
      max: marks.at(-1),
      axisLabel: { ...TEXT, color: colour("muted"), formatter: whole, customValues: marks },
      axisTick: { show: false, customValues: marks },
    },
    series,
  };
  return draw(option, { width: 960, height: 420 });
}

const MANTISSAS = [1, 2, 5];

/** 1, 2 and 5 times powers of ten, from the last below all values to the first above. */
function marksOf(curves: readonly Curve[]): number[] {
  const values = curves.flatMap(({ latency }) => latency.curve.map(([, micros]) => Math.max(micros, 1)));
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const powers = Array.from({ length: Math.ceil(Math.log10(most)) + 2 }, (_, power) => 10 ** power);
  const marks = powers.flatMap((power) => MANTISSAS.map((mantissa) => mantissa * power));
  const from = marks.findLastIndex((mark) => mark <= least);
  const to = marks.findIndex((mark) => mark >= most && mark > least);
  return marks.slice(Math.max(from, 0), to + 1);
}
