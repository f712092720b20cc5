import type { CustomSeriesOption } from "echarts/charts";
import { FONT, colour, type Colour } from "./theme.ts";

/** A value with its interval at a place of the category axis. */
export interface Whisker {
  readonly place: number;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly colour: Colour;
  /** Text beside the high end; absent: none. */
  readonly label?: string;
}

/** How the intervals lie. */
export interface WhiskerLayout {
  readonly along: "x" | "y";
  /** A dot at the value; bars show it without. */
  readonly dot: boolean;
  readonly axes?: { readonly xAxisIndex: number; readonly yAxisIndex: number };
}

const CAP = 4;
const DOT = 4.5;

/** A series that draws intervals as lines with caps. */
export function whiskers(items: readonly Whisker[], { along, dot, axes }: WhiskerLayout): CustomSeriesOption {
  const flat = along === "x";
  return {
    type: "custom",
    ...axes,
    z: 5,
    clip: false,
    silent: true,
    encode: flat ? { x: [1, 2, 3], y: 0 } : { x: 0, y: [1, 2, 3] },
    data: items.map(({ place, value, low, high }) => [place, value, low, high]),
    renderItem: (params, api) => {
      const item = items[params.dataIndex];
      if (item === undefined) return undefined;
      const at = (value: number): { x: number; y: number } => {
        const [x = 0, y = 0] = api.coord(flat ? [value, item.place] : [item.place, value]);
        return { x, y };
      };
      return { type: "group", children: shapes(item, { at, flat, dot }) };
    },
  };
}

interface Drawing {
  readonly at: (value: number) => { x: number; y: number };
  readonly flat: boolean;
  readonly dot: boolean;
}

type Shape = {
  type: "line" | "circle" | "text";
  shape?: object;
  style: object;
};

function shapes(item: Whisker, { at, flat, dot }: Drawing): Shape[] {
  const [low, high, middle] = [at(item.low), at(item.high), at(item.value)];
  const ink = colour(dot ? item.colour : "ink");
  const style = { stroke: ink, lineWidth: dot ? 2 : 1.25 };
  const line = (a: { x: number; y: number }, b: { x: number; y: number }): Shape => {
    return { type: "line", shape: { x1: a.x, y1: a.y, x2: b.x, y2: b.y }, style };
  };
  const cap = ({ x, y }: { x: number; y: number }): Shape =>
    flat ? line({ x, y: y - CAP }, { x, y: y + CAP }) : line({ x: x - CAP, y }, { x: x + CAP, y });
  const drawn = [line(low, high), cap(low), cap(high)];
  if (dot) {
    drawn.push({
      type: "circle",
      shape: { cx: middle.x, cy: middle.y, r: DOT },
      style: { fill: ink, stroke: colour("panel"), lineWidth: 1.5 },
    });
  }
  if (item.label !== undefined) {
    const fill = colour("ink");
    const place = { x: Math.max(high.x, middle.x) + 10, y: high.y };
    const text = { text: item.label, fill, fontFamily: FONT, fontSize: 13, verticalAlign: "middle" };
    drawn.push({ type: "text", style: { ...place, ...text } });
  }
  return drawn;
}
