import { noCounts, sumCounts } from "../metrics/counts.ts";
import { behaviour, judge, judgementOf, reloads, requestsOf, volume, type Group } from "./judge.ts";
import type { Finding, Judgement, Thresholds } from "./verdict.ts";

/** The pods of one application in both versions. */
export interface Arms {
  readonly canary: Group;
  readonly stable: Group;
}

/** Groups by the name of the application. */
export type Groups = Readonly<Record<string, Group>>;

/** No pods with figures. */
export const noPods: Group = { pods: 0, counts: noCounts };

/** Several groups as one. */
export function sumGroups(groups: readonly Group[]): Group {
  return {
    pods: groups.reduce((sum, { pods }) => sum + pods, 0),
    counts: sumCounts(groups.map(({ counts }) => counts)),
  };
}

/**
 * Compares each application with itself: a slow one says nothing of a version that its neighbours run. The worst finding
 * counts. There must be enough requests of all together; with fewer of one of them it is told.
 */
export function judgeWorkloads(
  workloads: ReadonlyMap<string, Arms>,
  baseline: Groups,
  thresholds: Thresholds,
): Judgement {
  const all = [...workloads].map(([name, { canary, stable }]) => ({
    name,
    canary,
    stable: comparedWith(stable, baseline[name], thresholds),
  }));
  const [only] = all;
  if (all.length <= 1) return judge(only?.canary ?? noPods, only?.stable ?? noPods, thresholds);
  const both = all.filter(({ canary, stable }) => canary.pods > 0 && stable.pods > 0);
  const alone = all.filter(({ canary, stable }) => canary.pods > 0 && stable.pods === 0);
  const untouched = all.filter(({ canary }) => canary.pods === 0).map(({ name }) => shown(name));
  const canary = sumGroups(both.map((one) => one.canary));
  const stable = sumGroups(both.map((one) => one.stable));
  const old = sumGroups(all.map((one) => one.stable));
  return judgementOf([
    ...(both.length === 0 ? [nothingToCompare] : volume(canary, stable, thresholds)),
    ...both.flatMap((one) => under(one.name, behaviour(one.canary, one.stable, thresholds))),
    ...both.flatMap((one) => under(one.name, fewRequests(one, thresholds))),
    ...alone.flatMap((one) => under(one.name, [withoutOld, reloads(one.canary, old)])),
    ...(untouched.length === 0 ? [] : [withoutNew(untouched)]),
  ]);
}

/** The pods of the old version; what was kept of them when too few are left or too little reaches them. */
function comparedWith(stable: Group, kept: Group | undefined, { minRequests }: Thresholds): Group {
  if (kept === undefined || requestsOf(stable.counts) >= minRequests) return stable;
  return requestsOf(kept.counts) > requestsOf(stable.counts) ? kept : stable;
}

const nothingToCompare: Finding = {
  signal: "applications",
  verdict: "unclear",
  text: "no application has pods with figures of both versions",
};

const withoutOld: Finding = {
  signal: "applications",
  verdict: "unknown",
  text: "no pod of the old version to compare with",
};

function withoutNew(names: readonly string[]): Finding {
  const text = `no pod of the new version with figures yet: ${names.join(", ")}`;
  return { signal: "applications", verdict: "unknown", text };
}

function fewRequests({ canary, stable }: Arms, { minRequests }: Thresholds): Finding[] {
  const [now, before] = [requestsOf(canary.counts), requestsOf(stable.counts)];
  if (Math.min(now, before) >= minRequests) return [];
  const text = `${now} requests, old version ${before}: too few to tell by itself, ${minRequests} are needed`;
  return [{ signal: "requests", verdict: "unknown", text }];
}

function under(workload: string, findings: readonly Finding[]): Finding[] {
  return findings.map((finding) => ({ ...finding, text: `${shown(workload)}: ${finding.text}` }));
}

function shown(workload: string): string {
  return workload === "" ? "pods of no application" : workload;
}
