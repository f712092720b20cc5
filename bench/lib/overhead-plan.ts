import { shuffle } from "simple-statistics";
import { SeededRandom } from "../../scripts/sample/random.ts";

/** Whose turn it is, slice by slice. */
export interface Plan {
  readonly order: readonly string[];
  readonly warmUpRounds: number;
  readonly rounds: number;
  readonly sliceRequests: number;
}

const mostSliceRequests = 25;
const leastSliceRequests = 5;
const wantedRounds = 40;
/** Of each arm: pages, stats and connections, and every user once. */
const warmUpRequests = 200;

/** Slices for so many requests: short ones, so that at least forty rounds fit, each round in an order of its own. */
export function planSlices(arms: readonly string[], requests: number, seed: number): Plan {
  const fitting = Math.floor(requests / (arms.length * wantedRounds));
  const sliceRequests = Math.max(leastSliceRequests, Math.min(mostSliceRequests, fitting));
  const rounds = Math.max(1, Math.floor(requests / (arms.length * sliceRequests)));
  const warmUpRounds = Math.ceil(warmUpRequests / sliceRequests);
  const random = new SeededRandom(seed);
  const order = Array.from({ length: warmUpRounds + rounds }, () => shuffle([...arms], () => random.next()));
  return { order: order.flat(), warmUpRounds, rounds, sliceRequests };
}
