import type { Estimate } from "../../statistics.ts";
import type { Comparison, Distribution, K6Report, Population } from "../../lib/k6-types.ts";
import { armNamed } from "../arms.ts";
import { forestChart, type ForestRow } from "../charts/forest.ts";
import { latencyChart, type Curve } from "../charts/latency.ts";
import { familyColour } from "../charts/theme.ts";
import type { BenchReport, Cell, Figure, Section, Table } from "../model.ts";
import { interval, whole } from "../numbers.ts";
import { brokenConditions } from "../soundness.ts";

const [BASELINE, AGAIN] = ["none", "none_again"];
/** The distributions that are drawn: more lines than these only hide each other. */
const DRAWN = [BASELINE, AGAIN, "exact", "native_stack"];
const QUANTILES = ["p50", "p90", "p99", "p999"] as const;
const SHARES = { p50: 0.5, p90: 0.9, p99: 0.99, p999: 0.999 } as const;
/** Fewer requests beyond a quantile than this, and it is but the luck of the slowest few: not shown. */
const LEAST_BEYOND = 5;
const CLOCKS = {
  client: "by the client, last byte sent to first byte of the answer",
  envoy: "by Envoy, request's first byte to first byte to the upstream",
};

/** What a client feels of the filter. */
export function latencySection({ k6 }: BenchReport): Section | undefined {
  const overhead = k6.find(({ scenario }) => scenario === "overhead");
  if (overhead === undefined) return undefined;
  const { load } = overhead;
  const figures = [
    distribution(overhead, "client"),
    forest(overhead, "client"),
    distribution(overhead, "envoy"),
    forest(overhead, "envoy"),
  ];
  return {
    id: "latency",
    word: "Latency",
    title: "Latency: what a client feels",
    text: [
      `k6, open loop, ${whole(load.ratePerSecond)} requests a second for ${whole(load.durationSeconds)} s over all arms, which take turns in ` +
        `short slices within one Envoy; ${whole(load.requests)} requests counted, ${whole(load.dropped)} dropped.`,
      "Differences are to the listener without a filter. The shaded band is what a second listener without a filter " +
        "differs by: what lies in it is noise. An arrow leads beyond the axis: the tables have the figure. A quantile with fewer than " +
        `${LEAST_BEYOND} requests beyond it is left out.`,
      ...brokenConditions(overhead).map((line) => `**Not sound**: ${line}.`),
      ...overhead.notes,
    ],
    figures: figures.filter((figure) => figure !== undefined),
    tables: [
      quantileTable(overhead, "client"),
      quantileTable(overhead, "envoy"),
      differenceTable(overhead, "client"),
      differenceTable(overhead, "envoy"),
    ],
  };
}

function plain(name: string): string {
  return name.replaceAll("-", "_");
}

/** What one clock saw of a population. */
function seenBy({ latency, inEnvoy }: Population, clock: Comparison["clock"]): Distribution | undefined {
  return clock === "client" ? latency : inEnvoy;
}

function distribution({ populations }: K6Report, clock: Comparison["clock"]): Figure | undefined {
  const curves = DRAWN.flatMap((id): Curve[] => {
    const found = populations.find(({ name }) => plain(name) === id);
    const latency = found && seenBy(found, clock);
    if (latency === undefined || latency.curve.length === 0) return [];
    const { label, family } = armNamed(id);
    return [{ label, colour: familyColour(family), dashed: id === AGAIN, latency }];
  });
  if (curves.length === 0) return undefined;
  return {
    name: clock === "client" ? "latency" : "latency-envoy",
    caption: `Latency by share of requests, with and without the filter: ${CLOCKS[clock]}.`,
    svg: latencyChart(curves),
  };
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

function quantileTable({ populations }: K6Report, clock: Comparison["clock"]): Table {
  const seen = populations.flatMap((one) => {
    const latency = seenBy(one, clock);
    return latency === undefined ? [] : [{ ...one, latency }];
  });
  return {
    caption: `Latency ${CLOCKS[clock]}, µs`,
    head: ["arm", "requests", "p50", "p90", "p99", "p99.9", "filter ran"],
    rows: seen.map(({ name, latency, ran }): Cell[] => {
      const quantiles = QUANTILES.map((quantile): Cell =>
        enough(latency.count, quantile) ? whole(latency[quantile]) : "-",
      );
      const first: Cell[] = [armNamed(name).label, whole(latency.count)];
      return first.concat(quantiles, ran === undefined ? "" : proof(ran));
    }),
  };
}

function enough(requests: number, quantile: (typeof QUANTILES)[number]): boolean {
  return requests * (1 - SHARES[quantile]) >= LEAST_BEYOND;
}

function proof({ counted, expected }: NonNullable<Population["ran"]>): Cell {
  return counted === expected
    ? { text: whole(counted), tone: "good" }
    : { text: `${whole(counted)} of ${whole(expected)}`, tone: "bad" };
}

function differenceTable({ comparisons, populations }: K6Report, clock: Comparison["clock"]): Table {
  const requests = (name: string): number => {
    const found = populations.find((one) => one.name === name);
    return (found && seenBy(found, clock)?.count) ?? 0;
  };
  return {
    caption: `Added latency ${CLOCKS[clock]}, µs with 95% interval`,
    head: ["arm", "p50", "p90", "p99", "p99.9"],
    rows: comparisons
      .filter((one) => one.clock === clock)
      .map((one) => {
        const figures = QUANTILES.map((quantile) =>
          enough(requests(one.name), quantile) ? withInterval(one[quantile]) : "-",
        );
        return [armNamed(one.name).label].concat(figures);
      }),
  };
}

function withInterval(estimate: Estimate): string {
  return `${whole(estimate.value)} (${interval(estimate, 0)})`;
}
