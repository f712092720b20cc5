import { bootstrap, httpListener, statTag, type Target } from "../../scripts/lib/envoy/config.ts";
import type { Bootstrap, Cluster, HttpFilter } from "../../scripts/lib/envoy/types.ts";
import { bucketsMicros, labelsOf } from "../../scripts/lib/stats-settings.ts";
import type { Arm, Copy, Parts } from "./arm.ts";
import { dimensions } from "./tickgate-arms.ts";

/** A listener: an arm, and how many copies of its filter are in it. */
export interface Lane {
  readonly name: string;
  readonly arm: Arm;
  readonly copies: number;
}

/** What the lanes of one Envoy share. */
export interface HarnessOptions {
  readonly lanes: readonly Lane[];
  readonly users: number;
  readonly module: string;
  readonly peers: Copy["peers"];
  /** Absent: a fixed answer from Envoy itself. */
  readonly target?: Target;
  readonly clusters?: readonly Cluster[];
  /** Filters in front of every arm's, and behind them. */
  readonly before?: readonly HttpFilter[];
  readonly after?: readonly HttpFilter[];
}

const histograms = [
  "wasmcustom.trading_request_duration_us",
  "wasmcustom.rust_request_duration_us",
  "wasmcustom.sdk_request_duration_us",
];

/** One Envoy with a listener for every lane: what drifts, drifts for all. */
export function harnessConfig(options: HarnessOptions): Bootstrap {
  const target = options.target ?? { directResponse: { status: 200, body: "ok" } };
  const listeners = options.lanes.map((lane) => {
    const copies = copiesOf(lane, options);
    const accessLog = copies.flatMap((parts) => parts.accessLog ?? []);
    return httpListener({
      name: lane.name,
      target,
      filters: [
        fromQuery("x-user-id", "u"),
        ...(options.before ?? []),
        ...copies.flatMap(({ filters }) => filters),
        ...(options.after ?? []),
      ],
      ...(accessLog.length > 0 && { accessLog }),
      manager: { generate_request_id: false },
    });
  });
  return bootstrap({
    listeners,
    clusters: options.clusters ?? [],
    stats: {
      stats_tags: labelsOf({ dimensions }).map(statTag),
      histogram_bucket_settings: histograms.map((prefix) => ({ match: { prefix }, buckets: bucketsMicros })),
    },
  });
}

function copiesOf(lane: Lane, { users, module, peers }: HarnessOptions): Parts[] {
  return Array.from({ length: lane.copies }, (_, index) =>
    lane.arm.parts({ lane: lane.name, index, copies: lane.copies, users, module, peers }),
  );
}

/**
 * Sets a request header from a parameter of the query. h2load sends the same headers with every request, but any path:
 * so what differs from request to request comes with the path. In front of every arm, the empty ones too.
 */
export function fromQuery(header: string, parameter: string): HttpFilter {
  const value = `%QUERY_PARAM(${parameter})%`;
  const append = { header: { key: header, value }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" };
  return {
    name: `from_query_${parameter}`,
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
      mutations: { request_mutations: [{ append }] },
    },
  };
}
