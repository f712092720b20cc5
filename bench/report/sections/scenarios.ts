import type { K6Report, TimeSeries, Verdict } from "../../lib/k6-types.ts";
import type { BenchReport, Cell, Section, Table } from "../model.ts";
import { interval, whole } from "../numbers.ts";
import { amount } from "../soundness.ts";

/** The k6 scenarios other than the paired one: a question each, and everything that could have failed it. */
export function scenariosSection({ k6 }: BenchReport): Section | undefined {
  const asked = k6.filter(({ scenario }) => scenario !== "overhead");
  if (asked.length === 0) return undefined;
  return {
    id: "scenarios",
    word: "Pressure",
    title: "Under pressure",
    text: asked.map(
      ({ scenario, question, load, passed, notes, series }) =>
        `**${scenario}**: ${question} ${whole(load.requests)} requests at ${whole(load.ratePerSecond)}/s; ${passed ? "passed" : "FAILED"}.` +
        [...series.map(trend), ...notes].map((note) => ` ${note}`).join(""),
    ),
    figures: [],
    tables: asked.flatMap((report) =>
      [populationTable(report)].concat(differenceTables(report), verdictTable(report)),
    ),
  };
}

function populationTable({ scenario, populations }: K6Report): Table {
  return {
    caption: `${scenario}: latency in µs`,
    head: ["requests of", "requests", "wrong answers", "p50", "p90", "p99", "p99.9"],
    rows: populations.map(({ name, requests, unexpected, latency }): Cell[] => {
      const quantiles: Cell[] = [latency.p50, latency.p90, latency.p99, latency.p999].map(whole);
      const wrong: Cell = unexpected === 0 ? "0" : { text: whole(unexpected), tone: "bad" };
      return [name, whole(requests), wrong].concat(quantiles);
    }),
  };
}

function differenceTables({ scenario, comparisons }: K6Report): Table[] {
  if (comparisons.length === 0) return [];
  const rows = comparisons.map((one) =>
    [`${one.name} - ${one.baseline}`].concat(
      [one.p50, one.p90, one.p99, one.p999].map((each) => `${whole(each.value)} (${interval(each, 0)})`),
    ),
  );
  const head = ["", "p50", "p90", "p99", "p99.9"];
  return [{ caption: `${scenario}: differences in µs with 95% interval`, head, rows }];
}

function verdictTable({ scenario, verdicts }: K6Report): Table {
  return {
    caption: `${scenario}: conditions`,
    head: ["condition", "measured", "allowed", ""],
    rows: verdicts.map((one) => [
      one.name,
      amount(one.measured, one),
      `${one.comparison} ${amount(one.bound, one)}`,
      outcome(one),
    ]),
    words: [3],
  };
}

/** From where to where a value went, and its slope where a trend was asked for. */
function trend({ name, unit, points, slopePerHour }: TimeSeries): string {
  const values = points.map(([, value]) => value);
  const range = `${amount(Math.min(...values), { unit })} to ${amount(Math.max(...values), { unit })}`;
  const slope = slopePerHour === undefined ? "" : `, slope ${amount(slopePerHour, { unit })} an hour`;
  return `${name}: ${range}${slope}.`;
}

function outcome({ passed }: Verdict): Cell {
  return passed ? { text: "holds", tone: "good" } : { text: "does not hold", tone: "bad" };
}
