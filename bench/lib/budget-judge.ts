/** One request as three clocks saw it, in microseconds. */
export interface Judged {
  readonly id: string;
  /** Whether the filter says it broke its budget. */
  readonly flagged: boolean;
  /** From the filter's first callback to the response's headers, by the filter. */
  readonly spent: number;
  /** From the request's first byte to the upstream's first byte, by Envoy. */
  readonly untilUpstream: number;
  /** From the request's first byte to the response's first byte, by Envoy. */
  readonly untilDownstream: number;
  /** From the request's arrival at the upstream to its answer, by the upstream. */
  readonly upstream: number;
}

/** How far the filter's verdicts lie from the other clocks'. Widths are distances from the limit, in microseconds. */
export interface Accuracy {
  readonly requests: number;
  readonly flagged: number;
  readonly broken: number;
  /** The upstream alone took longer than the limit, and the filter did not flag it: none may be. */
  readonly missed: number;
  /** Verdicts that differ from Envoy's figure, with the widest and those beyond 100 us. */
  readonly disagreements: number;
  readonly band: number;
  readonly beyondGoal: number;
  /** Envoy's figure minus the filter's: quantiles over all requests. */
  readonly offset: { readonly p50: number; readonly p99: number; readonly max: number };
}

/** Microseconds around the limit in which verdicts may differ from Envoy's figure. */
export const goalMicros = 100;

/** Compares the filter's verdicts with what Envoy and the upstream measured. */
export function judge(requests: readonly Judged[], limitMicros: number): Accuracy {
  const over = (micros: number): boolean => micros > limitMicros;
  // The filter's zero lies after Envoy's, its end between the upstream's and the downstream's first byte.
  const distances = requests.flatMap(({ flagged, untilUpstream, untilDownstream }) => {
    if (flagged && !over(untilDownstream)) return [limitMicros - untilDownstream];
    return !flagged && over(untilUpstream) ? [untilUpstream - limitMicros] : [];
  });
  const offsets = requests
    .map(({ untilDownstream, spent }) => untilDownstream - spent)
    .toSorted((a, b) => a - b);
  const at = (q: number): number => offsets[Math.floor(q * (offsets.length - 1))] ?? NaN;
  return {
    requests: requests.length,
    flagged: requests.filter(({ flagged }) => flagged).length,
    broken: requests.filter(({ untilDownstream }) => over(untilDownstream)).length,
    missed: requests.filter(({ flagged, upstream }) => !flagged && over(upstream)).length,
    disagreements: distances.length,
    band: Math.max(0, ...distances),
    beyondGoal: distances.filter((distance) => distance > goalMicros).length,
    offset: { p50: at(0.5), p99: at(0.99), max: at(1) },
  };
}

/** The figures of a comparison in words. */
export function describe(accuracy: Accuracy, limitMicros: number): string {
  const { requests, flagged, broken, disagreements, band, beyondGoal, missed, offset } = accuracy;
  return [
    `${requests} requests around ${limitMicros} us: ${flagged} flagged, ${broken} broken by Envoy's clock`,
    `${disagreements} verdicts differ from Envoy's, all within ${band} us of the limit (${beyondGoal} beyond ${goalMicros} us)`,
    `${missed} missed of those that the upstream's own clock calls broken`,
    `Envoy's figure minus the filter's: p50 ${offset.p50} us, p99 ${offset.p99} us, max ${offset.max} us`,
  ].join("\n");
}
