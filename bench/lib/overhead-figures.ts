import type { Lane } from "../harness/envoy-config.ts";
import type { Proof } from "../harness/types.ts";
import { compare, distribution, population, type Sliced } from "./k6-distribution.ts";
import type { Samples } from "./k6-samples.ts";
import type { Comparison, Population, Verdict } from "./k6-types.ts";
import { target } from "./k6-verdicts.ts";
import { again, baseline, targeted } from "./overhead-arms.ts";

/** What a run left behind, by arm. */
export interface Measured {
  readonly samples: Samples;
  readonly proofs: ReadonlyMap<string, readonly Proof[]>;
  /** Envoy's own time on the request path. */
  readonly requestPaths: ReadonlyMap<string, Sliced>;
}

const mostAddedMicros = 10;
const nothing: Sliced = { micros: [], rounds: [] };

/** Requests, the warm-up's too, that an arm answered as it must; a refusing arm lets everyone's first request pass. */
export function answered(samples: Samples, { name, arm }: Lane): number {
  return [name, `warm-up ${name}`]
    .map((one) => samples.population(one).statuses.get(String(arm.status)) ?? 0)
    .reduce((total, times) => total + times, 0);
}

/** One arm's figures by both clocks. */
export function populationOf({ name }: Lane, { samples, proofs, requestPaths }: Measured): Population {
  const { micros } = requestPaths.get(name) ?? nothing;
  const [proof] = proofs.get(name) ?? [];
  return population(name, samples.population(name), {
    ...(micros.length > 0 && { inEnvoy: distribution(micros) }),
    ...(proof && { ran: { counted: proof.counted, expected: proof.expected } }),
  });
}

/** Every arm against no filter, by k6's clock and, where requests went on to the upstream, by Envoy's. */
export function comparisonsOf(lanes: readonly Lane[], { samples, requestPaths }: Measured): Comparison[] {
  const others = lanes.map(({ name }) => name).filter((name) => name !== baseline);
  const client = (name: string) => ({ name, sliced: samples.population(name) });
  const inside = (name: string) => ({ name, sliced: requestPaths.get(name) ?? nothing });
  return [
    ...others.map((name) => compare(client(name), client(baseline), "client")),
    ...others
      .filter((name) => inside(name).sliced.micros.length > 0)
      .map((name) => compare(inside(name), inside(baseline), "envoy")),
  ];
}

/**
 * The targets of the filter's own arms: at most 10 us at the median, and at p99 nothing that shows beyond the band in
 * which two listeners without any filter differ.
 */
export function targetVerdicts(comparisons: readonly Comparison[]): Verdict[] {
  return (["client", "envoy"] as const).flatMap((clock) => {
    const whose = clock === "client" ? "the client's clock" : "Envoy's clock";
    const mine = comparisons.filter((comparison) => comparison.clock === clock);
    const twin = mine.find(({ name }) => name === again)?.p99;
    const band = twin === undefined ? NaN : Math.max(Math.abs(twin.low), Math.abs(twin.high));
    return mine
      .filter(({ name }) => targeted.some((id) => id === name))
      .flatMap(({ name, p50, p99 }) => [
        target(`${name}: added at p50 by ${whose}`, [p50.value, "<=", mostAddedMicros], "us"),
        target(`${name}: added at p99 by ${whose}, lower end; bound: A/A band`, [p99.low, "<=", band], "us"),
      ]);
  });
}
