import { pairedDifference, type Estimate } from "../../statistics.ts";
import type { ArmId, CpuArm, Measured } from "../../harness/types.ts";
import { hostCalls } from "../../micro/print.ts";
import type { PathCost } from "../../micro/figures.ts";
import type { BenchReport, Cell, Section } from "../model.ts";
import { fixed, interval, whole } from "../numbers.ts";
import { comparison } from "../targets.ts";

/** A part of the filter: the arm that has it and the arm that does not, and the paths of the micro-benchmark likewise. */
interface FilterPart {
  readonly name: string;
  readonly having: ArmId;
  readonly lacking: ArmId;
  readonly path?: string;
  readonly lackingPath?: string;
  /** All of a filter rather than a part of it. */
  readonly all?: true;
}

/** Every part that somebody could do without, and what they come to. A new part is a new entry. */
const FILTER_PARTS: readonly FilterPart[] = [
  { name: "being a Wasm filter at all, called twice a request", having: "pass_through", lacking: "none" },
  {
    name: "operation, labels, counter and histogram",
    having: "dimensions",
    lacking: "pass_through",
    path: "allowed",
  },
  {
    name: "a latency budget",
    having: "budgets",
    lacking: "dimensions",
    path: "allowed, budget",
    lackingPath: "allowed",
  },
  {
    name: "an exact quota",
    having: "exact",
    lacking: "dimensions",
    path: "allowed, exact quota",
    lackingPath: "allowed",
  },
  {
    name: "a leased quota instead",
    having: "leased",
    lacking: "dimensions",
    path: "allowed, leased quota",
    lackingPath: "allowed",
  },
  {
    name: "in all: labels and budget",
    having: "budgets",
    lacking: "none",
    path: "allowed, budget",
    all: true,
  },
  {
    name: "in all: labels and leased quota",
    having: "leased",
    lacking: "none",
    path: "allowed, leased quota",
    all: true,
  },
  {
    name: "in all: labels and exact quota",
    having: "exact",
    lacking: "none",
    path: "allowed, exact quota",
    all: true,
  },
];

/** What each part of the filter costs by every measure, in one table. */
export function partsSection(report: BenchReport): Section | undefined {
  if (report.cpu === undefined && report.micro === undefined) return undefined;
  const rows = FILTER_PARTS.map((part) => partRow(report, part));
  return {
    id: "parts",
    word: "Parts",
    title: "What each part costs",
    text: [
      "Paired differences between an arm that has the part and one that does not. **Among others**: one of several copies back to back, " +
        "code and data in the caches, the least noisy figure and the one that other filters are compared by. **Alone**: one copy in the listener, as in a " +
        "sidecar, which finds the caches as the rest of a request has left them. The latency is what Envoy's own clock saw more at the median, " +
        "request's first byte to first byte to the upstream; instructions and host calls are counted, not timed.",
    ],
    figures: [],
    tables: [
      {
        caption: "A request through each part",
        head: [
          "part",
          "CPU among others, µs",
          "95% interval",
          "CPU alone, µs",
          "95% interval",
          "latency p50, µs",
          "instructions",
          "host calls",
        ],
        rows,
      },
    ],
  };
}

function partRow(report: BenchReport, part: FilterPart): Cell[] {
  const among = differenceOf(report, part, ({ perFilterMicros }) => perFilterMicros);
  const alone = differenceOf(report, part, ({ oneCopyMicros }) => oneCopyMicros);
  const figures = [
    fixed(among?.value, 2),
    among === undefined ? "" : interval(among),
    fixed(alone?.value, 1),
    alone === undefined ? "" : interval(alone, 1),
    fixed(addedMicros(report, part), 0),
    whole(counted(report, part, ({ instructions }) => instructions)),
    fixed(
      counted(report, part, (cost) => hostCalls(cost, "all")),
      1,
    ),
  ];
  const strong = (text: string): Cell => (part.all === true ? { text, tone: "strong" } : text);
  return [part.name, ...figures].map(strong);
}

/** Paired by round. What is measured against no filter needs no second arm: it is a difference already. */
function differenceOf(
  { cpu }: BenchReport,
  { having, lacking }: FilterPart,
  read: (arm: CpuArm) => Measured,
): Estimate | undefined {
  const values = (id: ArmId): readonly number[] | undefined => {
    const arm = cpu?.arms.find((one) => one.id === id);
    return arm && read(arm).each;
  };
  const high = values(having);
  const low = lacking === "none" ? high?.map(() => 0) : values(lacking);
  if (high === undefined || low === undefined) return undefined;
  return pairedDifference(high.map((value, round) => ({ value, base: low[round] ?? NaN })));
}

function addedMicros(report: BenchReport, { having, lacking }: FilterPart): number | undefined {
  const added = (id: ArmId): number | undefined =>
    id === "none" ? 0 : comparison(report, id, "envoy")?.p50.value;
  const [high, low] = [added(having), added(lacking)];
  return high === undefined || low === undefined ? undefined : high - low;
}

function counted(
  { micro }: BenchReport,
  { path, lackingPath }: FilterPart,
  read: (cost: PathCost) => number | undefined,
): number | undefined {
  const value = (name: string): number | undefined => {
    const cost = micro?.paths[name];
    return cost && read(cost);
  };
  if (path === undefined) return undefined;
  const [high, low] = [value(path), lackingPath === undefined ? 0 : value(lackingPath)];
  return high === undefined || low === undefined ? undefined : high - low;
}
