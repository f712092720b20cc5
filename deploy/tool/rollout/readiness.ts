import type { PodView } from "./observation.ts";

/** A pod that is not ready for so long is not just busy. */
const graceMillis = 15_000;

/** Pods that take requests, and others once there are none of those: what is not ready tells nothing of a version. */
export function movable(pods: readonly PodView[]): PodView[] {
  const ready = pods.filter((pod) => pod.ready);
  return ready.length > 0 ? ready : [...pods];
}

/** Not since this rollout looks at it, at least. */
export function wasNeverReady({ ready, lostMillis }: PodView): boolean {
  return !ready && lostMillis === undefined;
}

/** Pods that are not ready any more. */
export function lostPods(pods: readonly PodView[]): PodView[] {
  return pods.filter(({ lostMillis }) => lostMillis !== undefined);
}

/** Whether it has not been ready for so long that it will hardly be again. */
export function isLost({ lostMillis = 0 }: PodView): boolean {
  return lostMillis >= graceMillis;
}

/** Most pods of the new version are not ready any more, and most of the old one's are. */
export function lostByVersion(pods: readonly PodView[]): boolean {
  const on = (track: PodView["track"]): PodView[] => pods.filter((pod) => pod.track === track);
  return mostAreLost(on("canary")) && !mostAreLost(on("stable"));
}

function mostAreLost(pods: readonly PodView[]): boolean {
  const counted = pods.filter((pod) => !wasNeverReady(pod));
  return counted.length > 0 && counted.filter(isLost).length * 2 >= counted.length;
}

/** Names them. */
export function notReady(lost: readonly PodView[]): string {
  return `not ready any more since they were given the new version: ${lost.map(({ name }) => name).join(", ")}`;
}
