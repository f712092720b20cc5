import { bootstrap, httpListener } from "../../scripts/lib/envoy/config.ts";
import { startEnvoy } from "../../scripts/lib/envoy/run.ts";
import type { HttpFilter } from "../../scripts/lib/envoy/types.ts";
import { wasmFilter } from "../../scripts/lib/envoy/wasm.ts";
import { filterModule } from "../../scripts/lib/paths.ts";
import { flood, type UserCount } from "./flood.ts";

/** The same load for every arm: `overload` times the limit. */
export interface ExactnessOptions {
  readonly workers: number;
  readonly seconds: number;
  readonly users: number;
  readonly limitPerSecond: number;
  readonly burst: number;
  readonly overload: number;
  readonly arms: readonly Arm[];
}

/** Who limits: our two precisions, Envoy's own filter with room for all users, and with its default room. */
export type Arm = "exact" | "lease" | "native" | "native, 20 descriptors";

/** Tokens of a lease in the arm of that name. */
export const leaseTokens = 16;

/** How one arm did. */
export interface Exactness {
  readonly arm: Arm;
  readonly workers: number;
  readonly sent: number;
  readonly perSecond: number;
  readonly admitted: number;
  /** Sum over all users of burst + limit * T, T from a user's first request to its last reply. */
  readonly bound: number;
  /** Admitted by bound, of all users. */
  readonly ratio: number;
  /** What the user that was given most got of its bound; in lease mode of the contract's, VMs * (lease - 1) higher. */
  readonly worst: number;
}

/** Floods one Envoy arm by arm. */
export async function measureExactness(options: ExactnessOptions): Promise<Exactness[]> {
  const listeners = options.arms.map((arm) =>
    httpListener({
      name: arm,
      target: { directResponse: { status: 200, body: "ok" } },
      filters: [filterOf(arm, options)],
    }),
  );
  const envoy = await startEnvoy({
    config: bootstrap({ listeners, clusters: [] }),
    concurrency: options.workers,
  });
  try {
    const results: Exactness[] = [];
    for (const arm of options.arms) {
      const { users, seconds, limitPerSecond, overload } = options;
      const perSecond = users * limitPerSecond * overload;
      const counts = await flood({ port: envoy.port(arm), users, seconds, perSecond, connections: 64 });
      results.push(evaluate(arm, options, counts));
    }
    return results;
  } finally {
    await envoy.stop();
  }
}

function evaluate(arm: Arm, options: ExactnessOptions, counts: readonly UserCount[]): Exactness {
  // Every worker's VM, and the main thread's, may hold a lease.
  const allowance = arm === "lease" ? (options.workers + 1) * (leaseTokens - 1) : 0;
  const boundOf = ({ firstMillis, lastMillis }: UserCount): number =>
    options.burst + (options.limitPerSecond * (lastMillis - firstMillis)) / 1000;
  const sum = (of: (count: UserCount) => number): number =>
    counts.reduce((total, count) => total + of(count), 0);
  const admitted = sum((count) => count.admitted);
  const bound = sum(boundOf);
  const begun = Math.min(...counts.map(({ firstMillis }) => firstMillis));
  const ended = Math.max(...counts.map(({ lastMillis }) => lastMillis));
  return {
    arm,
    workers: options.workers,
    sent: sum(({ sent }) => sent),
    perSecond: sum(({ sent }) => sent) / ((ended - begun) / 1000),
    admitted,
    bound,
    ratio: admitted / bound,
    worst: Math.max(...counts.map((count) => count.admitted / (boundOf(count) + allowance))),
  };
}

function filterOf(arm: Arm, options: ExactnessOptions): HttpFilter {
  if (arm === "exact" || arm === "lease") {
    const quota = {
      name: arm,
      key: ["user"],
      limit: options.limitPerSecond,
      window: "1s",
      burst: options.burst,
      ...(arm === "lease" && { precision: { lease: leaseTokens } }),
    };
    // A name of its own: two copies of one filter would share a root.
    return wasmFilter({ name: arm, module: filterModule, configuration: { quotas: [quota] } });
  }
  return nativeFilter(arm === "native" ? options.users : undefined, options);
}

/** Envoy's own limiter with a bucket for each user; `descriptors`: room for so many, else its default. */
function nativeFilter(
  descriptors: number | undefined,
  { limitPerSecond, burst }: ExactnessOptions,
): HttpFilter {
  const always = { default_value: { numerator: 100 } };
  const unlimited = { max_tokens: 1e9, tokens_per_fill: 1e9, fill_interval: "1s" };
  const bucket = { max_tokens: burst, tokens_per_fill: limitPerSecond, fill_interval: "1s" };
  return {
    name: "envoy.filters.http.local_ratelimit",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
      stat_prefix: "native",
      token_bucket: unlimited,
      filter_enabled: always,
      filter_enforced: always,
      descriptors: [{ entries: [{ key: "user" }], token_bucket: bucket }],
      rate_limits: [{ actions: [{ request_headers: { header_name: "x-user-id", descriptor_key: "user" } }] }],
      ...(descriptors !== undefined && { max_dynamic_descriptors: descriptors }),
    },
  };
}
