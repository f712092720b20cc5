import type { Arm } from "./arm.ts";
import { armOf } from "./arms.ts";
import type { TestBed } from "./bed.ts";
import type { Lane } from "./envoy-config.ts";
import { nativeLimit } from "./native-arms.ts";
import { each, measured, measuredDifference, measureRounds, type RoundsOptions } from "./rounds.ts";
import type { Proof, Refusal } from "./types.ts";

const nativeDenied: Arm = {
  ...armOf("native_limit"),
  label: "local_ratelimit: refused",
  status: 429,
  parts: (copy) => ({ filters: [nativeLimit(copy, "exhausted")] }),
  proofs: (lane) => [
    {
      metric: "envoy_http_local_rate_limit_rate_limited",
      labels: { envoy_local_http_ratelimit_prefix: lane },
      each: 1,
    },
  ],
};

const names = {
  empty: "plain_none",
  allowed: "plain_exact",
  denied: "plain_denied",
  native: "plain_native_denied",
} as const;

/** Listeners with one copy: a refusal ends a request at the first. */
export function refusalLanes(): Lane[] {
  return [
    { name: names.empty, arm: armOf("none"), copies: 1 },
    { name: names.allowed, arm: armOf("exact"), copies: 1 },
    { name: names.denied, arm: armOf("denied"), copies: 1 },
    { name: names.native, arm: nativeDenied, copies: 1 },
  ];
}

/** Measures whole requests over HTTP/1.1 and HTTP/2. The result waits for the counters that prove it. */
export async function measureRefusals(
  bed: TestBed,
  lanes: readonly Lane[],
  options: RoundsOptions,
): Promise<(proofs: ReadonlyMap<string, readonly Proof[]>) => Refusal[]> {
  const refusals: Omit<Refusal, "proofs">[] = [];
  for (const protocol of ["http1", "http2"] as const) {
    const rounds = await measureRounds(bed, lanes, { ...options, block: { ...options.block, protocol } });
    const micros = (lane: string): number[] => each(rounds, lane, ({ microsPerRequest }) => microsPerRequest);
    refusals.push({
      protocol,
      emptyMicros: measured(micros(names.empty)),
      allowedMicros: measured(micros(names.allowed)),
      deniedMicros: measured(micros(names.denied)),
      nativeDeniedMicros: measured(micros(names.native)),
      differenceMicros: measuredDifference(micros(names.denied), micros(names.allowed)),
    });
  }
  return (proofs) => {
    const all = lanes.flatMap(({ name }) => proofs.get(name) ?? []);
    return refusals.map((refusal) => Object.assign(refusal, { proofs: all }));
  };
}
