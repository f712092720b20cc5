import type { CpuArm } from "../../harness/types.ts";
import { fixed } from "../numbers.ts";
import { AXIS, GRID, TEXT, colour, draw, familyColour } from "./theme.ts";
import { whiskers } from "./whiskers.ts";

const ROW = 34;
const FRAME = { left: 330, right: 150, top: 12, bottom: 52 };

/** CPU of one filter a request by arm, with intervals, and as multiples of one of them. */
export function cpuChart(arms: readonly CpuArm[], reference: CpuArm | undefined): string {
  const shown = arms.toSorted((a, b) => a.perFilterMicros.value - b.perFilterMicros.value);
  const label = ({ family, perFilterMicros: { value } }: CpuArm): string =>
    reference === undefined || family === "empty"
      ? fixed(value)
      : `${fixed(value)}   ${fixed(value / reference.perFilterMicros.value, 1)}x`;
  const intervals = shown.map((arm, place) => ({
    place,
    ...arm.perFilterMicros,
    colour: "ink" as const,
    label: label(arm),
  }));
  const bars = shown.map(({ perFilterMicros, family }) => {
    const color = colour(familyColour(family));
    return { value: perFilterMicros.value, itemStyle: { color, borderRadius: 2 } };
  });
  const option = {
    grid: { ...GRID, ...FRAME },
    xAxis: {
      ...AXIS,
      type: "value",
      min: lowest(shown),
      axisLabel: { ...AXIS.axisLabel, showMinLabel: lowest(shown) === 0 },
      name: "µs of CPU a request, one filter",
      nameGap: 30,
    },
    yAxis: {
      ...AXIS,
      type: "category",
      inverse: true,
      data: shown.map((arm) => arm.label),
      axisLabel: { ...TEXT, color: colour("ink") },
    },
    series: [{ type: "bar", data: bars, barWidth: "58%" }, whiskers(intervals, { along: "x", dot: false })],
  };
  return draw(option, { width: 960, height: FRAME.top + FRAME.bottom + ROW * shown.length });
}

/** Where the axis begins: at zero, or below it where an interval does. */
function lowest(arms: readonly CpuArm[]): number {
  return Math.min(0, ...arms.map(({ perFilterMicros: { low } }) => Math.floor(low)));
}
