import type { PodsNeeded } from "./types.ts";

/** What a rate is served with. */
export interface PodsQuestion {
  readonly requestsPerSecond: number;
  /** CPU of a sidecar for a request. */
  readonly microsWithout: number;
  readonly microsWith: number;
}

/** CPU limits that sidecars are given. */
export const sidecarSizes = [100, 200, 300, 400, 500] as const;

/**
 * Pods whose sidecars, each with so many millicores and all of them used, serve a rate. A sidecar gets millicores x 1000
 * µs of CPU a second. Nothing is kept in reserve: a ratio of the two is what the filter costs, the number itself a floor.
 */
export function podsNeeded(question: PodsQuestion, sidecarMillicores: number): PodsNeeded {
  const perPod = (micros: number): number => (sidecarMillicores * 1000) / micros;
  const perPodWithout = perPod(question.microsWithout);
  const perPodWith = perPod(question.microsWith);
  return {
    sidecarMillicores,
    perPodWithout,
    perPodWith,
    podsWithout: Math.ceil(question.requestsPerSecond / perPodWithout),
    podsWith: Math.ceil(question.requestsPerSecond / perPodWith),
  };
}
