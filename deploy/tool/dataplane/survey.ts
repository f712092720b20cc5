import { CliError } from "../../../scripts/lib/cli.ts";
import type { Cluster } from "../cluster/connect.ts";
import type { WasmPlugin } from "../cluster/plugins.ts";
import { backToStable, carries, listPods, trackLabel, withoutTrack, type Pod } from "../cluster/pods.ts";
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
  /** Name of the plugin that selects it; undefined when none does. */
  readonly plugin: string | undefined;
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
  return mapLimited(pods, concurrency, (pod) => look(access, pod, expected, nacks));
}

/**
 * Looks at every pod of an application: at those that one of its plugins selects, the stable one or the canary, and at
 * those whose track is that of neither, which `survey` can't see. By name.
 */
export async function surveyTracks(
  { cluster, access, istiod }: Omit<SurveyScope, "expected">,
  plugins: { readonly stable: WasmPlugin; readonly canary: WasmPlugin | undefined },
): Promise<SurveyedPod[]> {
  const labels = withoutTrack(plugins.stable.spec.selector?.matchLabels ?? {});
  const [pods, nacks] = await Promise.all([listPods(cluster, labels), nacksIfTold(istiod)]);
  const both = [plugins.stable, plugins.canary].filter((plugin) => plugin !== undefined);
  const found = await mapLimited(pods, concurrency, async (pod) => {
    const plugin = both.find(({ spec }) => carries(pod.labels, spec.selector?.matchLabels ?? {}));
    if (plugin === undefined) return stray(pod);
    const { namespace, name } = plugin.metadata;
    return look(access, pod, { namespace, name, spec: plugin.spec }, nacks);
  });
  return found.filter((pod) => pod !== undefined);
}

/** A pod on a track without a plugin. One without a track is none of ours. */
function stray(pod: Pod): SurveyedPod | undefined {
  const track = pod.labels[trackLabel];
  if (track === undefined) return undefined;
  const reason = `is selected by no plugin (${trackLabel}=${track}): requests pass unfiltered; ${backToStable(pod)}`;
  return { pod, plugin: undefined, state: undefined, standing: { kind: "absent", reason } };
}

async function look(
  access: PodAccess,
  pod: Pod,
  expected: Expectation,
  nacks: ReadonlyMap<string, string>,
): Promise<SurveyedPod> {
  const plugin = expected.name;
  try {
    const state = await readPodState(access, pod, [plugin]);
    const standing = standingOf(state, expected, nacks.get(`${pod.name}.${pod.namespace}`));
    return { pod, plugin, state, standing };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return { pod, plugin, state: undefined, standing: { kind: "unreachable", reason: error.message } };
  }
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
