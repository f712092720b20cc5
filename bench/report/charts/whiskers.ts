import type { CustomSeriesOption } from "echarts/charts";
import type { Span } from "./axis.ts";
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
  /** What the axis shows; an end beyond it becomes an arrow. */
  readonly span?: Pick<Span, "min" | "max">;
}

const CAP = 4;
const DOT = 4.5;
const ARROW = 8;

/** A series that draws intervals as lines with caps. */
export function whiskers(
  items: readonly Whisker[],
  { along, dot, axes, span }: WhiskerLayout,
): CustomSeriesOption {
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
      return { type: "group", children: shapes(item, { at, flat, dot, ...(span && { span }) }) };
    },
  };
}

interface Drawing {
  readonly at: (value: number) => { x: number; y: number };
  readonly flat: boolean;
  readonly dot: boolean;
  readonly span?: Pick<Span, "min" | "max">;
}

type Shape = {
  type: "line" | "circle" | "text" | "polygon";
  shape?: object;
  style: object;
};

function shapes(item: Whisker, drawing: Drawing): Shape[] {
  const { at, flat, dot, span = { min: -Infinity, max: Infinity } } = drawing;
  const within = (value: number): number => Math.min(Math.max(value, span.min), span.max);
  const [low, high, middle] = [item.low, item.high, item.value].map((value) => at(within(value)));
  if (low === undefined || high === undefined || middle === undefined) return [];
  const ink = colour(dot ? item.colour : "ink");
  const style = { stroke: ink, lineWidth: dot ? 2 : 1.25 };
  const line = (a: { x: number; y: number }, b: { x: number; y: number }): Shape => {
    return { type: "line", shape: { x1: a.x, y1: a.y, x2: b.x, y2: b.y }, style };
  };
  const cap = ({ x, y }: { x: number; y: number }): Shape =>
    flat ? line({ x, y: y - CAP }, { x, y: y + CAP }) : line({ x: x - CAP, y }, { x: x + CAP, y });
  const end = (value: number, point: { x: number; y: number }): Shape =>
    within(value) === value ? cap(point) : arrow(point, value > span.max ? 1 : -1, { flat, fill: ink });
  const drawn = [line(low, high), end(item.low, low), end(item.high, high)];
  if (dot && within(item.value) === item.value) {
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

/** An arrowhead that says: further on. */
function arrow(
  { x, y }: { x: number; y: number },
  towards: 1 | -1,
  { flat, fill }: { readonly flat: boolean; readonly fill: string },
): Shape {
  const back = towards * ARROW;
  const points = flat
    ? [
        [x, y],
        [x - back, y - CAP],
        [x - back, y + CAP],
      ]
    : [
        [x, y],
        [x - CAP, y + back],
        [x + CAP, y + back],
      ];
  return { type: "polygon", shape: { points }, style: { fill } };
}
