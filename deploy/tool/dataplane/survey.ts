import { CliError } from "../../../scripts/lib/cli.ts";
import { listPods, type Pod } from "../cluster/pods.ts";
import type { Cluster } from "../cluster/connect.ts";
import type { PodAccess } from "./access.ts";
import { standingOf, type Expectation, type Standing } from "./standing.ts";
import { readPodState, type PodState } from "./state.ts";
import { nacksIfTold } from "./syncz.ts";

/** Where to look, and what for. */
export interface SurveyScope {
  readonly cluster: Cluster;
  readonly access: PodAccess;
  readonly expected: Expectation;
  /** URL of istiod's monitoring port, for the words of refusals. */
  readonly istiod?: string | undefined;
}

/** One pod at one moment. `state` is undefined when it could not be read. */
export interface SurveyedPod {
  readonly pod: Pod;
  readonly state: PodState | undefined;
  readonly standing: Standing;
}

/** Pods read at once: a port-forward costs the API server a connection. */
const concurrency = 10;

/** Looks at every pod the expected plugin selects. A pod that can't be read is part of the answer, not an error. */
export async function survey({ cluster, access, expected, istiod }: SurveyScope): Promise<SurveyedPod[]> {
  const [pods, nacks] = await Promise.all([
    listPods(cluster, expected.spec.selector?.matchLabels ?? {}),
    nacksIfTold(istiod),
  ]);
  return mapLimited(pods, concurrency, async (pod) => {
    try {
      const state = await readPodState(access, pod, [expected.name]);
      const standing = standingOf(state, expected, nacks.get(`${pod.name}.${pod.namespace}`));
      return { pod, state, standing };
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      return { pod, state: undefined, standing: { kind: "unreachable", reason: error.message } };
    }
  });
}

/**
 * `Promise.all` over at most `limit` at once; the results in the order of the items. After an error no further item is
 * begun, and the first error is thrown when those under way have ended: nothing goes on behind the caller's back.
 */
export async function mapLimited<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const failures: unknown[] = [];
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) {
      try {
        results[index] = await work(item);
      } catch (error) {
        failures.push(error);
      }
      if (failures.length > 0) return;
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
  return results;
}
