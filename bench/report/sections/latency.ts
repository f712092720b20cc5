import type { Estimate } from "../../statistics.ts";
import type { Comparison, Distribution, K6Report, Population } from "../../lib/k6-types.ts";
import { armNamed } from "../arms.ts";
import { forestChart, latencyChart, type Curve, type ForestRow } from "../charts/latency.ts";
import { familyColour } from "../charts/theme.ts";
import type { BenchReport, Cell, Figure, Section, Table } from "../model.ts";
import { fixed, interval, whole } from "../numbers.ts";

const [BASELINE, AGAIN] = ["none", "none_again"];
/** The distributions that are drawn: more lines than these only hide each other. */
const DRAWN = [BASELINE, AGAIN, "exact", "native_stack"];
const QUANTILES = ["p50", "p90", "p99", "p999"] as const;
const CLOCKS = {
  client: "by the client, last byte sent to first byte of the answer",
  envoy: "by Envoy, request's first byte to first byte to the upstream",
};

/** What a client feels of the filter. */
export function latencySection({ k6 }: BenchReport): Section | undefined {
  const overhead = k6.find(({ scenario }) => scenario === "overhead");
  if (overhead === undefined) return undefined;
  const { load } = overhead;
  const figures = [distribution(overhead), forest(overhead, "client"), forest(overhead, "envoy")];
  return {
    id: "latency",
    title: "Latency: what a client feels",
    text: [
      `k6, open loop, ${whole(load.ratePerSecond)} requests a second for ${whole(load.durationSeconds)} s over all arms, which take turns in ` +
        `short slices within one Envoy; ${whole(load.requests)} requests counted, ${whole(load.dropped)} dropped.`,
      "Differences are to the listener without a filter. The shaded band is what a second listener without a filter " +
        "differs by: what lies in it is noise.",
      ...overhead.notes,
    ],
    figures: figures.filter((figure) => figure !== undefined),
    tables: [
      quantileTable(overhead.populations),
      differenceTable(overhead, "client"),
      differenceTable(overhead, "envoy"),
    ],
  };
}

function plain(name: string): string {
  return name.replaceAll("-", "_");
}

function distribution({ populations }: K6Report): Figure | undefined {
  const curves = DRAWN.flatMap((id): Curve[] => {
    const found = populations.find(({ name }) => plain(name) === id);
    if (found === undefined || found.latency.curve.length === 0) return [];
    const { label, family } = armNamed(id);
    return [{ label, colour: familyColour(family), dashed: id === AGAIN, latency: found.latency }];
  });
  if (curves.length === 0) return undefined;
  const caption = "Latency by share of requests, with and without the filter: as the client sees it.";
  return { name: "latency", caption, svg: latencyChart(curves) };
}

function forest({ comparisons }: K6Report, clock: Comparison["clock"]): Figure | undefined {
  const mine = comparisons.filter((one) => one.clock === clock && plain(one.baseline) === BASELINE);
  // A refusal never reaches the upstream: its gain would hide all the rest.
  const rows = mine
    .filter(({ name }) => plain(name) !== "denied")
    .map((one): ForestRow => {
      const { label, family } = armNamed(one.name);
      return { label, family, comparison: one };
    });
  if (rows.length === 0) return undefined;
  return {
    name: `differences-${clock}`,
    caption: `Added latency, ${CLOCKS[clock]}. Whiskers: 95% interval; band: no filter against itself.`,
    svg: forestChart(
      rows,
      mine.find(({ name }) => plain(name) === AGAIN),
    ),
  };
}

function quantileTable(populations: readonly Population[]): Table {
  return {
    caption: `Latency ${CLOCKS.client}, µs`,
    head: ["arm", "requests", "p50", "p90", "p99", "p99.9", "filter ran"],
    rows: populations.map(({ name, requests, latency, ran }): Cell[] => [
      armNamed(name).label,
      whole(requests),
      ...quantiles(latency),
      ran === undefined ? "" : proof(ran),
    ]),
  };
}

function quantiles(latency: Distribution): string[] {
  return QUANTILES.map((name) => whole(latency[name]));
}

function proof({ counted, expected }: NonNullable<Population["ran"]>): Cell {
  return counted === expected
    ? { text: whole(counted), tone: "good" }
    : { text: `${whole(counted)} of ${whole(expected)}`, tone: "bad" };
}

function differenceTable({ comparisons }: K6Report, clock: Comparison["clock"]): Table {
  const mine = comparisons.filter((one) => one.clock === clock);
  return {
    caption: `Added latency ${CLOCKS[clock]}, µs with 95% interval`,
    head: ["arm", "p50", "p90", "p99", "p99.9"],
    rows: mine.map((one) =>
      [armNamed(one.name).label].concat(QUANTILES.map((name) => withInterval(one[name]))),
    ),
  };
}

function withInterval(estimate: Estimate): string {
  return `${fixed(estimate.value, 0)} (${interval(estimate, 0)})`;
}
