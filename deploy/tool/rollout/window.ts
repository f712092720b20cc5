import type { Pod, Track } from "../cluster/pods.ts";
import { trackLabel } from "../cluster/pods.ts";
import { countsSince } from "../metrics/counts.ts";
import type { MetricsSource, PodCounts, Reading } from "../metrics/source.ts";
import { judgeWorkloads, noPods, sumGroups, type Arms, type Groups } from "./compare.ts";
import { decisive, requestsOf } from "./judge.ts";
import type { Outcome } from "./observation.ts";
import type { RolloutState } from "./state.ts";
import type { Finding, Judgement } from "./verdict.ts";

interface Start extends PodCounts {
  readonly track: Track;
}

/** One look at the pods. */
interface View {
  /** By application. */
  readonly workloads: ReadonlyMap<string, Arms>;
  /** Canary pods without figures, with the reason. */
  readonly missing: readonly string[];
}

/** Compares what pods count from the window's begin on. Its memory is this process': one that resumes begins anew. */
export class Window {
  private readonly state: RolloutState;
  private readonly metrics: MetricsSource;
  private readonly fromMillis: number;
  private readonly starts = new Map<string, Start>();
  private beganMillis: number | undefined;
  /** Told once: the window is over and the figures do not suffice. */
  extendedBecause: string | undefined;
  /** How often the pods were read; from the second time on they are compared. */
  looks = 0;

  constructor(state: RolloutState, metrics: MetricsSource, nowMillis: number) {
    this.state = state;
    this.metrics = metrics;
    this.fromMillis = nowMillis + state.plan.settleMillis;
  }

  /** Whether it has lasted as long as any may. */
  isOver(nowMillis: number): boolean {
    return nowMillis - this.fromMillis >= this.state.plan.maxWindowMillis;
  }

  /**
   * Reads the pods once. Says what the window came to: early when it is certain, at its end otherwise. While the rollout
   * pauses there is no end, and only what is certainly worse is said.
   */
  async look(pods: readonly Pod[], nowMillis: number): Promise<Outcome | undefined> {
    if (nowMillis < this.fromMillis) return undefined;
    const reading = await this.metrics.read(pods);
    this.looks += 1;
    const view = this.compare(pods, reading);
    if (this.starts.size > 0) this.beganMillis ??= nowMillis;
    const elapsed = this.beganMillis === undefined ? 0 : nowMillis - this.beganMillis;
    // A source without a single figure never begins: it is given as long as the longest window.
    const waited = nowMillis - this.fromMillis;
    return this.state.phase === "baseline"
      ? this.baseline(view, elapsed, waited)
      : this.decide(view, elapsed, waited);
  }

  private compare(pods: readonly Pod[], reading: Reading): View {
    const workloads = new Map<string, Arms>();
    const missing: string[] = [];
    for (const pod of pods) {
      const { workload = "" } = pod;
      const arms = workloads.get(workload) ?? { canary: noPods, stable: noPods };
      workloads.set(workload, arms);
      const track: Track = pod.labels[trackLabel] === "canary" ? "canary" : "stable";
      const now = reading.pods.get(pod.name);
      const start = this.starts.get(pod.name);
      if (now !== undefined && (start === undefined || start.track !== track)) {
        // What was scraped before the window began still holds the time before the move.
        if (now.atMillis >= this.fromMillis) this.starts.set(pod.name, { ...now, track });
      } else if (now !== undefined && start !== undefined && now.atMillis > start.atMillis) {
        const group = sumGroups([arms[track], { pods: 1, counts: countsSince(start.counts, now.counts) }]);
        workloads.set(workload, { ...arms, [track]: group });
        continue;
      }
      // What takes no requests has nothing to show.
      if (track === "canary" && pod.ready)
        missing.push(`${pod.name}: ${reading.missing.get(pod.name) ?? "no figures yet"}`);
    }
    return { workloads, missing };
  }

  private baseline(view: View, elapsed: number, waited: number): Outcome | undefined {
    const { windowMillis, maxWindowMillis, thresholds } = this.state.plan;
    if (elapsed < windowMillis && waited < maxWindowMillis) return undefined;
    const stable = sumGroups([...view.workloads.values()].map((arms) => arms.stable));
    const enough = requestsOf(stable.counts) >= thresholds.minRequests;
    if (!enough && waited < maxWindowMillis) return undefined;
    const text = `old version: ${requestsOf(stable.counts)} requests in ${stable.pods} pods`;
    return { verdict: enough ? "ok" : "unclear", text, stable: stableGroups(view) };
  }

  private decide(view: View, elapsed: number, waited: number): Outcome | undefined {
    const { baseline = {}, plan } = this.state;
    const { windowMillis, maxWindowMillis } = plan;
    const judgement = judgeWorkloads(view.workloads, baseline, plan.thresholds);
    const findings = [...decisive(judgement), ...missingFindings(view.missing)];
    const verdict = verdictOf(judgement, view.missing);
    const unknown = judgement.findings.filter((one) => one.verdict === "unknown").map(({ text }) => text);
    const known = { unknown, stable: stableGroups(view) };
    if (verdict === "worse") return { verdict, text: inWords(decisive(judgement)), ...known };
    // Somebody decides it; until then only what is certainly worse counts.
    if (this.state.phase === "paused") return undefined;
    if (verdict === "ok" && elapsed >= windowMillis)
      return { verdict, text: inWords(judgement.findings), ...known };
    if (waited >= maxWindowMillis) return { verdict: "unclear", text: inWords(findings), ...known };
    if (elapsed >= windowMillis) this.extendedBecause ??= inWords(findings);
    return undefined;
  }
}

/** Of the applications that any pod of the old version is left of. */
function stableGroups({ workloads }: View): Groups {
  const kept = [...workloads].filter(([, { stable }]) => stable.pods > 0);
  return Object.fromEntries(kept.map(([name, { stable }]) => [name, stable]));
}

function verdictOf({ verdict }: Judgement, missing: readonly string[]): Judgement["verdict"] {
  return verdict === "ok" && missing.length > 0 ? "unclear" : verdict;
}

function missingFindings(missing: readonly string[]): Finding[] {
  return missing.map((pod) => ({ signal: "figures", verdict: "unclear", text: `no figures of pod ${pod}` }));
}

function inWords(findings: readonly Finding[]): string {
  return findings.map(({ text }) => text).join("; ");
}
