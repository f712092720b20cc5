import type { Pod } from "../cluster/pods.ts";
import { podsWanted, type Plan } from "./plan.ts";

/** A pod of an application: the Deployment or StatefulSet that made it. */
export interface Member {
  readonly name: string;
  readonly workload: string;
  readonly track: "stable" | "canary";
}

/**
 * Chooses `count` of the free pods so that a step of `wanted` pods has of every application its part of all pods (largest
 * remainders; where they are equal, by name). Pods that are on the canary track already count and stay; within an
 * application the order of `free` decides.
 */
export function draw<T extends Member>(
  free: readonly T[],
  count: number,
  { all, wanted }: { readonly all: readonly Member[]; readonly wanted: number },
): T[] {
  const queues = new Map<string, T[]>();
  for (const pod of free) queues.set(pod.workload, [...(queues.get(pod.workload) ?? []), pod]);
  const due = duePods(all, wanted);
  const drawn: T[] = [];
  while (drawn.length < Math.min(count, free.length)) {
    const [next] = [...queues]
      .filter(([, queue]) => queue.length > 0)
      .toSorted(([a], [b]) => (due.get(b) ?? 0) - (due.get(a) ?? 0) || a.localeCompare(b, "en"));
    const pod = next?.[1].shift();
    if (next === undefined || pod === undefined) break;
    drawn.push(pod);
    due.set(next[0], (due.get(next[0]) ?? 0) - all.length);
  }
  return drawn;
}

/** How many pods of each application are still to be moved, times the number of all pods: whole numbers have no ties by chance. */
function duePods(all: readonly Member[], wanted: number): Map<string, number> {
  const due = new Map<string, number>();
  for (const { workload, track } of all)
    due.set(workload, (due.get(workload) ?? 0) + wanted - (track === "canary" ? all.length : 0));
  return due;
}

/** Applications by name, with how many pods each has. */
export function workloadsOf(pods: readonly Pick<Pod, "workload">[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { workload = "" } of pods) counts.set(workload, (counts.get(workload) ?? 0) + 1);
  return new Map([...counts].toSorted(([a], [b]) => a.localeCompare(b, "en")));
}

/** Whether the first step takes all pods of an application, so that none of the old version is left to compare with. */
export function firstStepTakesAll(pods: readonly Pod[], plan: Plan): boolean {
  const wanted = podsWanted(pods.length, plan.steps[0] ?? 100);
  const all = pods.map(({ name, workload = "" }) => ({ name, workload, track: "stable" as const }));
  const taken = workloadsOf(draw(all, wanted, { all, wanted }));
  const before = workloadsOf(pods);
  return [...taken].some(([name, count]) => count === before.get(name));
}
