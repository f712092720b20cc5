import { noProxyCounts, totalOf, type Counts, type ProxyCounts } from "../metrics/counts.ts";
import { judgeLatency, type LatencySignal } from "./latency.ts";
import { leastIncrease, shareOf, type Proportion } from "./statistics.ts";
import { suspicion, type Finding, type Judgement, type Thresholds, type Verdict } from "./verdict.ts";

/** Requests that the proxy answered and the filter never counted: what a filter that does not run at all looks like. */
const maxUncountedIncrease = 0.5;

/** With fewer requests than this part of `minRequests` shares and times say nothing, however bad: it may be one caller. */
const leastPart = 0.2;

/** What became of the pods of one version during the window. */
export interface Group {
  readonly pods: number;
  readonly counts: Counts;
}

/** Compares pods of the new version with pods of the old one, over the same window or an earlier one. */
export function judge(canary: Group, stable: Group, thresholds: Thresholds): Judgement {
  return judgementOf([...volume(canary, stable, thresholds), ...behaviour(canary, stable, thresholds)]);
}

/** What the new version does differently, however few requests there were. */
export function behaviour(canary: Group, stable: Group, thresholds: Thresholds): Finding[] {
  return [reloads(canary, stable), ...traffic(canary.counts, stable.counts, thresholds)];
}

/** The worst finding counts. */
export function judgementOf(findings: readonly Finding[]): Judgement {
  return { verdict: overall(findings), findings };
}

/** The findings that decided, or all of them when nothing is wrong. */
export function decisive({ verdict, findings }: Judgement): readonly Finding[] {
  return verdict === "ok" ? findings : findings.filter((finding) => finding.verdict === verdict);
}

/** Requests that reached the pods: as Envoy counts them, else as the filter does. */
export function requestsOf({ requests, proxy }: Counts): number {
  return Math.max(requests, proxy?.requests ?? 0);
}

function overall(findings: readonly Finding[]): Verdict {
  const verdicts = new Set(findings.map(({ verdict }) => verdict));
  if (verdicts.has("worse")) return "worse";
  return verdicts.has("unclear") ? "unclear" : "ok";
}

/** Whether either version had too few requests for a decision. */
export function volume(canary: Group, stable: Group, { minRequests }: Thresholds): Finding[] {
  const few = (who: string, { counts, pods }: Group): Finding[] => {
    const requests = requestsOf(counts);
    if (requests >= minRequests) return [];
    const text = `${who}: ${requests} requests in ${pods} pods, ${minRequests} are needed`;
    return [{ signal: "requests", verdict: "unclear", text }];
  };
  return [...few("the new version", canary), ...few("the old version", stable)];
}

/** A trap is a bug, not a rate: one more a pod than the old version has is too many. */
export function reloads(canary: Group, stable: Group): Finding {
  const signal = "VM reloads";
  const rate = ({ counts, pods }: Group): number => (pods === 0 ? 0 : counts.vmReloads / pods);
  const worse = canary.counts.vmReloads > 0 && rate(canary) > rate(stable);
  const text = `${signal}: ${canary.counts.vmReloads} in ${canary.pods} pods, old version ${stable.counts.vmReloads} in ${stable.pods}`;
  return { signal, verdict: worse ? "worse" : "ok", text: worse ? `${text}: the filter traps` : text };
}

function traffic(canary: Counts, stable: Counts, thresholds: Thresholds): Finding[] {
  if (requestsOf(canary) < thresholds.minRequests * leastPart) return [];
  return [...shares(canary, stable, thresholds), ...latencies(canary, stable, thresholds)];
}

function shares(canary: Counts, stable: Counts, thresholds: Thresholds): Finding[] {
  const compare = (signal: string, most: number, of: (counts: Counts) => Proportion): Finding =>
    compareShares({
      signal,
      most,
      canary: of(canary),
      stable: of(stable),
      confidence: thresholds.confidence,
    });
  const { maxErrorIncrease, maxDenialIncrease, maxFailureIncrease } = thresholds;
  const filter = [
    compare("errors", maxErrorIncrease, ({ errors, requests }) => ({ hits: errors, total: requests })),
    named(
      compare("quota denials", maxDenialIncrease, ({ denied, requests }) => ofRequests(denied, requests)),
      canary.denied,
    ),
    named(
      compare("filter failures", maxFailureIncrease, ({ failures, requests }) =>
        ofRequests(failures, requests),
      ),
      canary.failures,
    ),
  ];
  if (!envoySees(canary, stable)) return [...filter, notPublished];
  return [
    ...filter,
    compare("errors as Envoy counts them", maxErrorIncrease, (counts) => {
      const { errors, requests } = proxyOf(counts);
      return { hits: errors, total: requests };
    }),
    compare("requests the filter did not see", maxUncountedIncrease, (counts) => {
      const { requests } = proxyOf(counts);
      return { hits: Math.max(0, requests - counts.requests), total: requests };
    }),
  ];
}

/** Whether Envoy's view can be compared: a version without it has just not been reached, if its filter saw nothing either. */
function envoySees(...versions: readonly Counts[]): boolean {
  return (
    versions.some(({ proxy }) => proxy !== undefined) &&
    versions.every(({ proxy, requests }) => proxy !== undefined || requests === 0)
  );
}

function proxyOf({ proxy = noProxyCounts }: Counts): ProxyCounts {
  return proxy;
}

/** What is said where no proxy shows Envoy's own counters: the filter's alone can't tell that it is dead. */
export const notPublished: Finding = {
  signal: "errors as Envoy counts them",
  verdict: "unknown",
  text: "Envoy's own counters are not published by these pods (istio_requests_total, or proxyStatsMatcher: http.inbound): a filter that died shows in VM reloads only",
};

/** A request may be denied by two quotas; it is one request. */
function ofRequests(counts: Readonly<Record<string, number>>, requests: number): Proportion {
  return { hits: Math.min(totalOf(counts), requests), total: requests };
}

function named(finding: Finding, counts: Readonly<Record<string, number>>): Finding {
  const [most] = Object.entries(counts).toSorted(([, a], [, b]) => b - a);
  if (finding.verdict === "ok" || most === undefined) return finding;
  return { ...finding, text: `${finding.text} (most: ${most[0]} ${most[1]})` };
}

interface ShareComparison {
  readonly signal: string;
  readonly most: number;
  readonly canary: Proportion;
  readonly stable: Proportion;
  readonly confidence: number;
}

function compareShares({ signal, most, canary, stable, confidence }: ShareComparison): Finding {
  const figures = `${signal}: ${percentOf(canary)}, old version ${percentOf(stable)}`;
  const atLeast = (sure: number): number => leastIncrease(canary, stable, sure);
  // What nothing is known of is the finding about the number of requests, not one about this.
  if (canary.total === 0 || stable.total === 0) return { signal, verdict: "ok", text: figures };
  if (shareOf(canary) - shareOf(stable) <= most) return { signal, verdict: "ok", text: figures };
  const allowed = `${points(most)} points more are allowed`;
  if (atLeast(confidence) > most) return { signal, verdict: "worse", text: `${figures}: ${allowed}` };
  if (atLeast(suspicion) > most)
    return { signal, verdict: "unclear", text: `${figures}: perhaps more than the ${allowed}` };
  return { signal, verdict: "ok", text: figures };
}

function latencies(canary: Counts, stable: Counts, thresholds: Thresholds): Finding[] {
  const own: LatencySignal = {
    signal: "time in the filter",
    canary: canary.durationMicros,
    stable: stable.durationMicros,
    unit: "us",
    floor: thresholds.latencyFloorMicros,
  };
  if (!envoySees(canary, stable)) return judgeLatency(own, thresholds);
  const proxy: LatencySignal = {
    signal: "time in Envoy",
    canary: proxyOf(canary).durationMillis,
    stable: proxyOf(stable).durationMillis,
    unit: "ms",
    // Envoy counts whole milliseconds: neighbours say nothing.
    floor: Math.max(2, thresholds.latencyFloorMicros / 1000),
  };
  return [...judgeLatency(own, thresholds), ...judgeLatency(proxy, thresholds)];
}

function percentOf(seen: Proportion): string {
  return `${points(shareOf(seen))} % (${seen.hits} of ${seen.total})`;
}

function points(share: number): string {
  return String(Number((share * 100).toFixed(2)));
}
