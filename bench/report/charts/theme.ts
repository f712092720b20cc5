import { createHash } from "node:crypto";
import { BarChart, CustomChart, LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, MarkAreaComponent, MarkLineComponent } from "echarts/components";
import { init, setPlatformAPI, use, type EChartsCoreOption } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import type { ArmFamily } from "../../harness/types.ts";

use([
  BarChart,
  CustomChart,
  LineChart,
  GridComponent,
  LegendComponent,
  MarkAreaComponent,
  MarkLineComponent,
  SVGRenderer,
]);

// There is no font here to measure text by: what a wide one takes, so that nothing overlaps in any.
const WIDTH_OF_HEIGHT = 0.56;
setPlatformAPI({
  measureText: (text, font = "") => ({
    width: text.length * WIDTH_OF_HEIGHT * Number(/(\d+)px/.exec(font)?.[1] ?? 12),
  }),
});

/** A colour by its part, in daylight and in the dark. */
interface Shade {
  readonly light: string;
  readonly dark: string;
}

/** All colours of the report. The page and each chart on its own use them as `var(--name)`. */
export const SHADES = {
  paper: { light: "#fcfcfb", dark: "#14171c" },
  panel: { light: "#ffffff", dark: "#1b1f26" },
  ink: { light: "#1c2430", dark: "#e7eaf0" },
  muted: { light: "#5d6878", dark: "#9aa5b5" },
  line: { light: "#e4e7ec", dark: "#2d343e" },
  ours: { light: "#0b7a6b", dark: "#3ecfb5" },
  oursSoft: { light: "#67b8ab", dark: "#2a8f7e" },
  native: { light: "#4a6fa5", dark: "#82aae3" },
  wasm: { light: "#b7791f", dark: "#e3b04b" },
  script: { light: "#9b4f96", dark: "#d08ccb" },
  empty: { light: "#9aa3b0", dark: "#697586" },
  good: { light: "#187a42", dark: "#56c98a" },
  bad: { light: "#b3372b", dark: "#f08a7d" },
} as const satisfies Readonly<Record<string, Shade>>;

/** The name of a colour. */
export type Colour = keyof typeof SHADES;

const SHADE_LIST: readonly (readonly [string, Shade])[] = Object.entries(SHADES);
// ECharts computes with colours, so it gets one that stands for the name, and the name is put in afterwards.
const MARKS = new Map(SHADE_LIST.map(([name], index) => [name, `#0badc${(index + 1).toString(16)}`]));

/** What ECharts is given for a colour. */
export function colour(name: Colour): string {
  return MARKS.get(name) ?? "none";
}

/** The colour of an arm's family. */
export function familyColour(family: ArmFamily): Colour {
  return family;
}

/** Declarations of all colours, for a style sheet: daylight, then the dark. */
export function colourVariables(): { readonly light: string; readonly dark: string } {
  const light = SHADE_LIST.map(([name, shade]) => `--${name}:${shade.light}`);
  const dark = SHADE_LIST.map(([name, shade]) => `--${name}:${shade.dark}`);
  return { light: light.join(";"), dark: dark.join(";") };
}

/** Text of axes and labels. */
export const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif";
export const TEXT = { fontFamily: FONT, fontSize: 13 };

/** An axis without ornaments. */
export const AXIS = {
  axisLine: { lineStyle: { color: colour("line") } },
  axisTick: { show: false },
  axisLabel: { ...TEXT, color: colour("muted") },
  splitLine: { lineStyle: { color: colour("line") } },
  nameTextStyle: { ...TEXT, color: colour("muted") },
  nameLocation: "middle",
} as const;

/** A grid that stays where it is put, whatever its labels take. */
export const GRID = { outerBoundsMode: "none" } as const;

/** The names of the lines or bars above a chart that begins so far from the left. Lines are shown as they are drawn. */
export function legend(left: number, kind: "lines" | "bars"): object {
  return {
    top: 0,
    left: left - 8,
    ...(kind === "bars"
      ? { icon: "roundRect", itemHeight: 5, itemWidth: 22 }
      : { itemWidth: 30, itemStyle: { opacity: 0 } }),
    itemGap: 22,
    textStyle: { ...TEXT, color: colour("ink") },
  };
}

/** Draws a chart as SVG without scripts, in colours that a page's variables decide. */
export function draw(option: EChartsCoreOption, size: { width: number; height: number }): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, ...size });
  chart.setOption({ animation: false, textStyle: { ...TEXT, color: colour("ink") }, ...option });
  const svg = chart.renderToSVGString();
  chart.dispose();
  let themed = withOwnNames(svg);
  for (const [name, mark] of MARKS) themed = themed.replaceAll(mark, `var(--${name})`);
  // Sized by the page: the view box keeps the proportions.
  return themed.replace(/<svg width="\d+" height="\d+"/, `<svg width="${size.width}" role="img"`);
}

const CHART_NAMES = /\bzr\d+-[a-z]+-?\d+\b/g;

/**
 * ECharts numbers its classes and clip paths through the life of the process. Here they are of the chart's content: no other
 * chart of a page has them, and the same chart has the same ones every time.
 */
function withOwnNames(svg: string): string {
  const names = new Map([...new Set(svg.match(CHART_NAMES))].map((name, index) => [name, index]));
  const named = (prefix: string): string =>
    svg.replaceAll(CHART_NAMES, (name) => `${prefix}-${names.get(name) ?? 0}`);
  const content = createHash("sha256").update(named("chart")).digest("hex");
  return named(`chart-${content.slice(0, 8)}`);
}

/** A chart as a file of its own: brings its colours and its ground, follows the reader's choice of light or dark. */
export function standalone(svg: string): string {
  const { light, dark } = colourVariables();
  const style = `<style>:root{${light}}@media (prefers-color-scheme:dark){:root{${dark}}}</style>`;
  const ground = '<rect width="100%" height="100%" rx="8" fill="var(--panel)"/>';
  return svg.replace(/^<svg[^>]*>/, (open) => `${open}\n${style}\n${ground}`);
}
