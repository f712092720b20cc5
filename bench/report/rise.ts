import type { ArmId, SweepPoint, SweepReport } from "../harness/types.ts";
import { FLAT, growth, type SweepResult } from "../micro/sweeps.ts";
import { quantileDifference, type Estimate } from "../statistics.ts";
import { armNamed } from "./arms.ts";
import { fixed, interval, whole } from "./numbers.ts";

/** What a filter costs at the smallest of the sizes and at the dearest. */
export interface Rise {
  readonly smallest: SweepPoint;
  readonly dearest: SweepPoint;
  /** Of the medians, in microseconds. Sizes are measured one after the other, so that their rounds are no pairs. */
  readonly more: Estimate;
}

/** How an arm's cost rises over the sizes that it was measured with; undefined for less than two of them. */
export function riseOf(points: readonly SweepPoint[], arm: ArmId): Rise | undefined {
  const mine = points.filter((point) => point.arm === arm).toSorted((a, b) => a.size - b.size);
  const [smallest, ...larger] = mine;
  const [dearest] = larger.toSorted((a, b) => b.perFilterMicros.value - a.perFilterMicros.value);
  if (smallest === undefined || dearest === undefined) return undefined;
  const more = quantileDifference(dearest.perFilterMicros.each, smallest.perFilterMicros.each, 0.5);
  return { smallest, dearest, more };
}

/** Whether it costs more, and not only by chance. */
export function isSure({ more }: Rise): boolean {
  return more.low > 0;
}

/** What the timed sweeps say, beside the counted ones: a paragraph each for what grows surely, and for what that may be. */
export function timedGrowth(sweeps: SweepReport | undefined, counted: readonly SweepResult[]): string[] {
  if (sweeps === undefined) return [];
  const users = risesOf(sweeps.users);
  return [
    sentence("users", users),
    sentence("open streams", risesOf(sweeps.liveStreams)),
    ...cause(users, counted),
    inUse(sweeps),
  ];
}

function risesOf(points: readonly SweepPoint[]): Rise[] {
  const arms = [...new Set(points.map(({ arm }) => arm))];
  return arms.flatMap((arm) => riseOf(points, arm) ?? []);
}

function sentence(what: string, rises: readonly Rise[]): string {
  const grown = rises.filter(isSure);
  const told = (some: readonly Rise[]): string => some.map(inWords).join("; ");
  const steady = rises.filter((rise) => !isSure(rise));
  const unsure = steady.length === 0 ? "" : ` The interval holds none: ${told(steady)}.`;
  if (grown.length === 0) return `**Timed, with more ${what}**: no growth beyond the noise.${unsure}`;
  return `**Timed, with more ${what}**, CPU grows: ${told(grown)}.${unsure}`;
}

function inWords(rise: Rise): string {
  return `${armNamed(rise.smallest.arm).label} ${rose(rise)}`;
}

/** From what at the smallest to what at the dearest, and the difference. */
export function rose({ smallest, dearest, more }: Rise): string {
  const [from, to] = [smallest, dearest].map(({ perFilterMicros, size }) => {
    return `${fixed(perFilterMicros.value)} µs at ${whole(size)}`;
  });
  return `${from}, ${to} (${signed(more.value)}; ${interval(more, 1)})`;
}

function signed(value: number): string {
  return `${value > 0 ? "+" : ""}${fixed(value, 1)}`;
}

/** Where time grows and instructions do not, it is not the filter's work that does. */
function cause(users: readonly Rise[], counted: readonly SweepResult[]): string[] {
  const sweep = counted.find(({ name }) => name === "users");
  if (sweep === undefined || !users.some(isSure) || growth(sweep) > FLAT) return [];
  const last = whole(sweep.points.at(-1)?.size);
  return [
    `Instructions are flat over users (${fixed(growth(sweep))}x up to ${last}), so the module does not do more work. What that leaves, ` +
      "though nothing here measures it by itself: the state of a user who was not here a moment ago is out of the processor's caches, in the module and in " +
      "Envoy's shared data, and the more users take turns the more often.",
  ];
}

/** How many of the users a round can touch: the others fill the store and are not in use. */
function inUse({ options: { requests, users } }: SweepReport): string {
  return (
    `A round sends ${whole(requests)} requests of users at random, the same in each round: of ${whole(Math.max(...users))} users no more than ` +
    `${whole(Math.min(requests, Math.max(...users)))} are in use, the others only fill the store. Sizes are measured one after the other, ` +
    "so a difference between sizes is noisier than one between arms."
  );
}
