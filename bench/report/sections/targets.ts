import type { BenchReport, Cell, Section } from "../model.ts";
import { fixed, interval, whole } from "../numbers.ts";
import { judgeTargets, type Judged } from "../targets.ts";

/** What was promised, and what became of it. */
export function targetsSection(report: BenchReport): Section {
  const judged = judgeTargets(report);
  return {
    id: "targets",
    word: "Targets",
    title: "Targets",
    text: [summary(judged)],
    figures: [],
    tables: [
      {
        head: ["target", "at most", "measured", "95% interval", ""],
        rows: judged.map(row),
        words: [4],
      },
    ],
  };
}

/** A sentence for every outcome that occurs: each target is counted once, what is doubtful of an outcome beside it. */
export function summary(judged: readonly Judged[]): string {
  const of = (outcome: Judged["outcome"]): Judged[] => judged.filter((one) => one.outcome === outcome);
  const [met, missed, untold, unknown] = [of("met"), of("not met"), of("can't be told"), of("not measured")];
  const stretch = met.filter(({ stretchMet }) => stretchMet).length;
  const beyond = stretch > 0 ? `, ${stretch} of them beyond the stretch goal` : "";
  const parts = [`${met.length} of ${judged.length} targets are met${beyond}${doubtful(met)}.`];
  if (missed.length > 0)
    parts.push(`${missed.length} ${missed.length === 1 ? "is" : "are"} not met${doubtful(missed)}.`);
  if (untold.length > 0) {
    const why = [...new Set(untold.map(({ reading }) => reading?.undecided))].join("; ");
    parts.push(`For ${untold.length} it can't be told: ${why}.`);
  }
  if (unknown.length > 0)
    parts.push(`${unknown.length} ${unknown.length === 1 ? "was" : "were"} not measured in this run.`);
  return parts.join(" ");
}

/** How many targets came out how, in a few words. */
export function tally(judged: readonly Judged[]): string {
  const outcomes = ["met", "not met", "can't be told", "not measured"] as const;
  const counts = outcomes.map(
    (outcome) => [outcome, judged.filter((one) => one.outcome === outcome).length] as const,
  );
  return counts.flatMap(([outcome, count]) => (count === 0 ? [] : [`${count} ${outcome}`])).join(", ");
}

/** How many of one outcome another run may see otherwise. */
function doubtful(judged: readonly Judged[]): string {
  const count = judged.filter(({ sure }) => !sure).length;
  return count === 0 ? "" : ` (not certain for ${count}: the interval lies on both sides of the bound)`;
}

function row({ name, unit, digits, bound, stretch, reading, ...rest }: Judged): Cell[] {
  const withUnit = (value: number | undefined): string => {
    const text = digits === 0 ? whole(value) : fixed(value, digits);
    if (unit === "" || text === "-") return text;
    return unit === "x" ? `${text}x` : `${text} ${unit}`;
  };
  const { low, high } = reading ?? {};
  const between = low === undefined || high === undefined ? "" : interval({ low, high }, digits);
  const goal = stretch === undefined ? "" : ` (stretch ${withUnit(stretch)})`;
  return [
    name,
    `${withUnit(bound)}${goal}`,
    { text: withUnit(reading?.value), tone: "strong" },
    between,
    verdict(rest),
  ];
}

function verdict({ outcome, stretchMet, sure }: Pick<Judged, "outcome" | "stretchMet" | "sure">): Cell {
  if (outcome === "not measured" || outcome === "can't be told") return { text: outcome, tone: "muted" };
  const doubt = sure ? "" : ", not certain";
  return outcome === "met"
    ? { text: `${outcome}${stretchMet ? ", stretch too" : ""}${doubt}`, tone: "good" }
    : { text: `${outcome}${doubt}`, tone: "bad" };
}
