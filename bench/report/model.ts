import type {
  CpuReport,
  Environment,
  MemoryReport,
  SweepReport,
  ThroughputReport,
} from "../harness/types.ts";
import type { K6Report } from "../lib/k6-types.ts";
import type { Figures } from "../micro/figures.ts";

/** A part of the bench that this report does not have. */
export interface Absent {
  readonly part: string;
  /** One line: the error, or what was chosen. */
  readonly why: string;
}

/** Everything `npm run bench` measured. Written as `report.json`; the pages are made from nothing else. */
export interface BenchReport {
  /** Short hash of the measured commit; with `+` when the tree had changes. */
  readonly commit: string;
  /** The command that repeats it. */
  readonly command: string;
  /** Shorter than a report to publish: fewer rounds, wider intervals. */
  readonly quick: boolean;
  readonly seconds: number;
  readonly environment: Environment;
  readonly cpu?: CpuReport;
  readonly throughput?: ThroughputReport;
  readonly memory?: MemoryReport;
  readonly sweeps?: SweepReport;
  readonly micro?: Figures;
  readonly k6: readonly K6Report[];
  readonly absent: readonly Absent[];
}

/** The part of the page that holds one subject. */
export interface Section {
  /** Anchor, and name of its figures' files. */
  readonly id: string;
  readonly title: string;
  /** One word for the page's navigation. */
  readonly word: string;
  readonly text: readonly string[];
  readonly figures: readonly Figure[];
  readonly tables: readonly Table[];
}

/** A chart, its colours as CSS variables (`theme.ts`). */
export interface Figure {
  readonly name: string;
  /** What it shows, for those who can't see it and as its caption. */
  readonly caption: string;
  readonly svg: string;
}

/** Rows of cells; the first column is to the left, the others to the right unless `words` names them. */
export interface Table {
  readonly caption?: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  /** Columns (from 0) that hold words. */
  readonly words?: readonly number[];
}

/** Text, and how it is meant. */
export type Cell = string | { readonly text: string; readonly tone: Tone };

export type Tone = "good" | "bad" | "muted" | "strong";

/** The text of a cell. */
export function textOf(cell: Cell): string {
  return typeof cell === "string" ? cell : cell.text;
}
