import type { Labels } from "../../scripts/lib/prometheus.ts";
import type { Arm, ProofCounter } from "./arm.ts";
import { luaFilter, nativeLimit, statsLogger } from "./native-arms.ts";
import { peerFilter } from "./peer-arms.ts";
import {
  budgets,
  dimensionsOnly,
  exhausted,
  leaseTokens,
  quota,
  quotaName,
  tickgate,
} from "./tickgate-arms.ts";
import type { ArmDescription, ArmId } from "./types.ts";

const empty = { family: "empty", leavesOut: ["everything"], status: 200 } as const;
const ours = { family: "ours", status: 200 } as const;
/** What every request says of itself, as labels. */
const sentLabels: Labels = { symbol: "BTC-USD", order_type: "limit", strategy_id: "momentum-7" };
const noBounds = "bounds: its labels take any value a caller sends";
const noLabels = "no labels, no metrics of its own";

/** All arms, in the order of the report. */
export const arms: readonly Arm[] = [
  { ...empty, id: "none", label: "no filter", parts: () => ({ filters: [] }), proofs: listenerProof },
  {
    ...empty,
    id: "none_again",
    label: "no filter, again (A/A)",
    parts: () => ({ filters: [] }),
    proofs: listenerProof,
  },
  {
    id: "pass_through",
    label: "Wasm that does nothing",
    family: "wasm",
    leavesOut: ["everything but being called twice a request"],
    status: 200,
    peer: "pass-through",
    parts: peerFilter("pass-through"),
    proofs: (lane, copies) => [
      { metric: "pass_through_requests_total", labels: { operation: lane }, each: copies },
    ],
  },
  {
    ...ours,
    id: "dimensions",
    label: "Tickgate: labels only",
    leavesOut: ["quota", "budget"],
    parts: tickgate(dimensionsOnly),
    proofs: tickgateProofs("ok"),
  },
  {
    ...ours,
    id: "budgets",
    label: "Tickgate: labels and a budget",
    leavesOut: ["quota"],
    parts: tickgate(budgets),
    proofs: (lane, copies) => [
      ...tickgateProofs("ok")(lane, copies),
      { metric: "trading_budget_requests_total", labels: { budget: lane }, each: copies },
    ],
  },
  {
    ...ours,
    id: "exact",
    label: "Tickgate: labels and an exact quota",
    leavesOut: ["budget"],
    parts: tickgate(quota("exact")),
    proofs: quotaProofs,
  },
  {
    ...ours,
    id: "leased",
    label: `Tickgate: labels and a quota with leases of ${leaseTokens}`,
    leavesOut: ["budget"],
    parts: tickgate(quota({ lease: leaseTokens })),
    proofs: quotaProofs,
  },
  {
    id: "native_limit",
    label: "local_ratelimit by user",
    family: "native",
    leavesOut: [noLabels, "budget"],
    status: 200,
    parts: (copy) => ({ filters: [nativeLimit(copy)] }),
    proofs: nativeLimitProof,
  },
  {
    id: "native_stack",
    label: "local_ratelimit by user + access_loggers.stats",
    family: "native",
    leavesOut: [noBounds, "classes of result: it is the status code", "budget"],
    status: 200,
    parts: (copy) => ({ filters: [nativeLimit(copy)], accessLog: [statsLogger(copy)] }),
    proofs: (lane, copies) => [
      ...nativeLimitProof(lane, copies),
      ...labelledProofs(`envoy_${lane}_stats`, lane, { result: "200", copies }),
    ],
  },
  {
    id: "rust",
    label: "Rust SDK (proxy-wasm 0.2)",
    family: "wasm",
    leavesOut: [noBounds, "budget"],
    status: 200,
    peer: "rust",
    parts: peerFilter("rust"),
    proofs: (lane, copies) => labelledProofs("rust", lane, { result: "ok", copies }),
  },
  {
    id: "sdk",
    label: "AssemblyScript SDK (Context classes)",
    family: "wasm",
    leavesOut: [noBounds, "budget"],
    status: 200,
    peer: "sdk",
    parts: peerFilter("sdk"),
    proofs: (lane, copies) => labelledProofs("sdk", lane, { result: "ok", copies }),
  },
  {
    id: "lua",
    label: "Lua",
    family: "script",
    leavesOut: ["all metrics", "operation and result", "quota across workers", "budget"],
    status: 200,
    parts: (copy) => ({ filters: [luaFilter(copy)] }),
    proofs: (lane, copies) => [
      { metric: "envoy_http_lua_executions", labels: { envoy_http_conn_manager_prefix: lane }, each: copies },
    ],
  },
  {
    ...ours,
    id: "denied",
    label: "Tickgate: refused by an exhausted quota",
    leavesOut: ["budget"],
    status: 429,
    parts: tickgate(exhausted),
    proofs: (lane, copies) => tickgateProofs("quota_denied")(lane, copies).slice(0, 1),
  },
];

/** The arm of that name. */
export function armOf(id: ArmId): Arm {
  const found = arms.find((arm) => arm.id === id);
  if (found === undefined) throw new Error(`there is no arm ${id}`);
  return found;
}

/** The part of an arm that a report shows. */
export function describeArm({ id, label, family, leavesOut }: Arm): ArmDescription {
  return { id, label, family, leavesOut };
}

function listenerProof(lane: string): readonly ProofCounter[] {
  const labels = { envoy_http_conn_manager_prefix: lane };
  return [{ metric: "envoy_http_downstream_rq_completed", labels, each: 1 }];
}

function tickgateProofs(result: string): Arm["proofs"] {
  return (lane, copies) => labelledProofs("trading", lane, { result, copies });
}

/** Every copy has a quota of its own name: each is seen to have decided. */
function quotaProofs(lane: string, copies: number): readonly ProofCounter[] {
  const decided = Array.from({ length: copies }, (_, index) => ({
    metric: "trading_quota_decisions_total",
    labels: { quota: quotaName({ lane, index }), decision: "allowed" },
    each: 1,
  }));
  return [...tickgateProofs("ok")(lane, copies), ...decided];
}

function nativeLimitProof(lane: string, copies: number): readonly ProofCounter[] {
  const labels = { envoy_local_http_ratelimit_prefix: lane };
  return [{ metric: "envoy_http_local_rate_limit_ok", labels, each: copies }];
}

function labelledProofs(
  prefix: string,
  lane: string,
  { result, copies }: { readonly result: string; readonly copies: number },
): readonly ProofCounter[] {
  const labels = { ...sentLabels, operation: lane };
  return [
    { metric: `${prefix}_requests_total`, labels: { ...labels, result }, each: copies },
    { metric: `${prefix}_request_duration_us_count`, labels, each: copies },
  ];
}
