import type { ArmFamily } from "../../harness/types.ts";
import type { Estimate } from "../../statistics.ts";
import { AXIS, GRID, TEXT, colour, draw, familyColour } from "./theme.ts";
import { whiskers } from "./whiskers.ts";

/** One row: a value with its interval, and what is written beside it. */
export interface Bar {
  readonly label: string;
  readonly family: ArmFamily;
  readonly estimate: Estimate;
  readonly text: string;
}

const ROW = 34;
const FRAME = { left: 330, right: 150, top: 12, bottom: 52 };

/** Rows of bars from zero, in the order given, with 95 % intervals. */
export function barChart(bars: readonly Bar[], axisName: string): string {
  const intervals = bars.map(({ estimate, text }, place) => ({
    place,
    ...estimate,
    colour: "ink" as const,
    label: text,
  }));
  const data = bars.map(({ estimate, family }) => {
    return { value: estimate.value, itemStyle: { color: colour(familyColour(family)), borderRadius: 2 } };
  });
  const least = lowest(bars);
  const option = {
    grid: { ...GRID, ...FRAME },
    xAxis: {
      ...AXIS,
      type: "value",
      min: least,
      axisLabel: { ...AXIS.axisLabel, showMinLabel: least === 0 },
      name: axisName,
      nameGap: 30,
    },
    yAxis: {
      ...AXIS,
      type: "category",
      inverse: true,
      data: bars.map(({ label }) => label),
      axisLabel: { ...TEXT, color: colour("ink") },
    },
    series: [{ type: "bar", data, barWidth: "58%" }, whiskers(intervals, { along: "x", dot: false })],
  };
  return draw(option, { width: 960, height: FRAME.top + FRAME.bottom + ROW * bars.length });
}

/** Where the axis begins: at zero, or below it where an interval does. */
function lowest(bars: readonly Bar[]): number {
  return Math.min(0, ...bars.map(({ estimate: { low } }) => Math.floor(low)));
}
