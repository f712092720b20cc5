import type { ArmId, SweepPoint, SweepReport } from "../../harness/types.ts";
import { FLAT, growth, type SweepResult } from "../../micro/sweeps.ts";
import { armNamed } from "../arms.ts";
import { growthChart, type GrowthLine, type GrowthPanel } from "../charts/growth.ts";
import { familyColour, type Colour } from "../charts/theme.ts";
import type { BenchReport, Cell, Figure, Section, Table } from "../model.ts";
import { fixed, interval, whole } from "../numbers.ts";
import { riseOf, timedGrowth, type Rise } from "../rise.ts";

const OUR_COLOURS: Partial<Record<ArmId, Colour>> = { leased: "oursSoft", dimensions: "oursSoft" };
/** Two of one family: one of them has to look different. */
const DASHED: ReadonlySet<ArmId> = new Set<ArmId>(["sdk"]);

/** What a request costs as users, live streams and all else grow. */
export function growthSection({ sweeps, micro }: BenchReport): Section | undefined {
  const counted = micro?.sweeps ?? [];
  if (sweeps === undefined && counted.length === 0) return undefined;
  const figures: Figure[] = [];
  const tables: Table[] = [];
  if (sweeps !== undefined) {
    figures.push({
      name: "users",
      caption:
        "CPU of one filter a request in Envoy, as users and open streams grow. Whiskers: 95% interval.",
      svg: growthChart([panel("users", sweeps.users), panel("open streams", sweeps.liveStreams)]),
    });
    tables.push(cpuTable("users", sweeps.users), cpuTable("open streams", sweeps.liveStreams));
  }
  if (counted.length > 0) {
    figures.push({
      name: "instructions",
      caption: "Wasm instructions a request, as users, open streams and series grow: counted, not timed.",
      svg: growthChart([countedPanel(counted)]),
    });
    tables.push(countedTable(counted));
  }
  return {
    id: "growth",
    word: "Growth",
    title: "What grows with users, streams, series and configuration",
    text: [
      "A filter that gets slower as it fills up is slow when it matters. CPU is measured in Envoy; instructions are " +
        `counted without any noise, and \`npm run bench:micro\` fails where one size costs more than ${FLAT} times the smallest.`,
      ...timedGrowth(sweeps, counted),
      ...leftOut(sweeps),
    ],
    figures,
    tables,
  };
}

function leftOut(sweeps: SweepReport | undefined): string[] {
  return (sweeps?.missing ?? []).map(({ label, why }) => `Left out here: ${label}: ${why}.`);
}

function panel(xName: string, points: readonly SweepPoint[]): GrowthPanel {
  const arms = [...new Set(points.map(({ arm }) => arm))];
  const lines = arms.map((arm): GrowthLine => {
    const { label, family } = armNamed(arm);
    const mine = points.filter((point) => point.arm === arm);
    return {
      label,
      colour: OUR_COLOURS[arm] ?? familyColour(family),
      dashed: DASHED.has(arm),
      points: mine.map(({ size, perFilterMicros: { value, low, high } }) => ({ size, value, low, high })),
    };
  });
  return { xName, yName: "µs of CPU a request", lines };
}

const COUNTED: readonly (readonly [sweep: string, colour: Colour])[] = [
  ["users", "ours"],
  ["live streams", "native"],
  ["series", "wasm"],
];

function countedPanel(sweeps: readonly SweepResult[]): GrowthPanel {
  const lines = COUNTED.flatMap(([name, shade]): GrowthLine[] => {
    const sweep = sweeps.find((one) => one.name === name);
    if (sweep === undefined) return [];
    const points = sweep.points.map(({ size, instructions }) => ({ size, value: instructions }));
    return [{ label: name, colour: shade, points }];
  });
  return { xName: "how many there are", yName: "instructions", lines };
}

function cpuTable(what: string, points: readonly SweepPoint[]): Table {
  const sizes = [...new Set(points.map(({ size }) => size))];
  const arms = [...new Set(points.map(({ arm }) => arm))];
  const cell = (arm: ArmId, size: number): string => {
    const found = points.find((point) => point.arm === arm && point.size === size);
    if (found === undefined) return "";
    const { perFilterMicros } = found;
    return `${fixed(perFilterMicros.value)} (${interval(perFilterMicros, 1)})`;
  };
  return {
    caption: `µs of CPU a request with so many ${what}`,
    head: ["arm", ...sizes.map(whole), "dearest - smallest"],
    rows: arms.map((arm) =>
      [armNamed(arm).label].concat(
        sizes.map((size) => cell(arm, size)),
        added(riseOf(points, arm)),
      ),
    ),
  };
}

function added(rise: Rise | undefined): string {
  return rise === undefined ? "" : `${fixed(rise.more.value)} (${interval(rise.more, 1)})`;
}

function countedTable(sweeps: readonly SweepResult[]): Table {
  return {
    caption: "Wasm instructions a request, by what grows",
    head: ["what grows", "from", "to", "instructions at the smallest", "at the dearest", "ratio", ""],
    rows: sweeps.map((sweep): Cell[] => [
      sweep.name,
      whole(sweep.points[0]?.size ?? NaN),
      whole(sweep.points.at(-1)?.size ?? NaN),
      whole(sweep.points[0]?.instructions ?? NaN),
      whole(Math.max(...sweep.points.map(({ instructions }) => instructions))),
      `${fixed(growth(sweep))}x`,
      growth(sweep) <= FLAT ? { text: "flat", tone: "good" } : { text: "not flat", tone: "bad" },
    ]),
    words: [6],
  };
}
