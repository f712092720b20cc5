import { shuffle } from "simple-statistics";
import { progress } from "../../scripts/lib/cli.ts";
import { SeededRandom } from "../../scripts/sample/random.ts";
import { medianEstimate, pairedDifference, scaled, type Estimate } from "../statistics.ts";
import type { Block, BlockResult, TestBed } from "./bed.ts";
import type { Lane } from "./envoy-config.ts";
import type { Measured } from "./types.ts";

/** Blocks of each lane, in the order of the rounds: the n-th of all lanes were measured in the same round. */
export type Rounds = ReadonlyMap<string, readonly BlockResult[]>;

/** What to do in each round. */
export interface RoundsOptions {
  readonly rounds: number;
  readonly block: Block;
  readonly seed: number;
}

/** Sends a block to every lane in every round, each round in an order of its own, so that no lane has a place of its own. */
export async function measureRounds(
  bed: TestBed,
  lanes: readonly Lane[],
  { rounds, block, seed }: RoundsOptions,
): Promise<Rounds> {
  const random = new SeededRandom(seed);
  const results = new Map(lanes.map(({ name }) => [name, [] as BlockResult[]]));
  for (let round = 1; round <= rounds; round += 1) {
    progress(`round ${round} of ${rounds}: ${lanes.length} arms`);
    for (const lane of shuffle([...lanes], () => random.next())) {
      results.get(lane.name)?.push(await bed.run(lane, block));
    }
  }
  return results;
}

/** One figure of a lane's blocks, round by round. */
export function each(rounds: Rounds, lane: string, figure: (block: BlockResult) => number): number[] {
  return (rounds.get(lane) ?? []).map(figure);
}

/** The median of samples with its interval, and the samples. */
export function measured(samples: readonly number[]): Measured {
  return { ...medianEstimate(samples), each: samples };
}

/** Paired differences of two series of rounds, each divided by `divisor`. */
export function measuredDifference(
  values: readonly number[],
  bases: readonly number[],
  divisor = 1,
): Measured {
  const pairs = pairsOf(values, bases);
  const estimate: Estimate = scaled(pairedDifference(pairs), 1 / divisor);
  return { ...estimate, each: pairs.map(({ value, base }) => (value - base) / divisor) };
}

/** The n-th of one with the n-th of the other. */
export function pairsOf(
  values: readonly number[],
  bases: readonly number[],
): { readonly value: number; readonly base: number }[] {
  return values.map((value, index) => ({ value, base: bases[index] ?? NaN }));
}
