import { trackLabel, type Pod } from "../cluster/pods.ts";
import type { PodView } from "./observation.ts";
import type { PodReport, RolloutPort } from "./port.ts";
import type { Phase, RolloutState } from "./state.ts";

/** A pod may look refused for a moment between receiving a configuration and counting it. */
const suspicionMillis = 5000;
/** How often the data plane of pods under watch is read again. */
const recheckMillis = 5000;

/** What a process has seen of the pods, so that a pod is read again only where that may tell something new. */
export class Sightings {
  private readonly port: Pick<RolloutPort, "now" | "report">;
  /** When each pod was last seen ready. */
  private readonly lastReady = new Map<string, number>();
  /** Why pods could not be moved when that was last tried. */
  private readonly refusals = new Map<string, string>();
  private readonly suspectSince = new Map<string, number>();
  /** Pods seen running on their track in this phase, and when. */
  private readonly settled = new Map<
    string,
    { readonly key: string; readonly at: number; readonly report: PodReport }
  >();

  constructor(port: Pick<RolloutPort, "now" | "report">) {
    this.port = port;
  }

  /** What pods looked like before a change of the state is no suspicion after it. */
  forgetSuspicions(): void {
    this.suspectSince.clear();
  }

  /** Of `pods`, which were to be moved, those in `refused` were not. */
  noteRefusals(pods: readonly Pod[], refused: ReadonlyMap<string, string>): void {
    for (const { name } of pods) this.refusals.delete(name);
    for (const [name, cause] of refused) this.refusals.set(name, cause);
  }

  /** Reads the pods whose standing matters in this phase, unless it is known. */
  async of(pods: readonly Pod[], state: RolloutState): Promise<PodView[]> {
    const { phase } = state;
    const all = phase === "returning" || phase === "rolling-back";
    const some = phase === "moving" || isWatched(phase);
    const wanted = pods.filter((pod) => all || (some && trackOf(pod) === "canary"));
    const unknown = wanted.filter((pod) => !this.isSettled(pod, state));
    const reports = unknown.length > 0 ? await this.port.report(unknown) : new Map<string, PodReport>();
    const now = this.port.now();
    for (const pod of unknown) {
      const report = reports.get(pod.name);
      if (report?.standing === "running")
        this.settled.set(pod.name, { key: keyOf(pod, state), at: now, report });
    }
    return pods.map((pod) => this.view(pod, state, reports.get(pod.name), now));
  }

  private view(pod: Pod, state: RolloutState, fresh: PodReport | undefined, now: number): PodView {
    const { name, ready, workload = "" } = pod;
    const report = fresh ?? this.settled.get(name)?.report;
    const refusal = this.refusals.get(name);
    const lostMillis = this.lostFor(pod, state, now);
    const base = {
      name,
      ready,
      workload,
      track: trackOf(pod),
      ...(lostMillis === undefined ? {} : { lostMillis }),
      ...(refusal === undefined ? {} : { refusal }),
    };
    // Not asked about in this phase.
    if (report === undefined) return { ...base, standing: "running", reason: "" };
    const { reason, module } = report;
    const standing = this.judged(name, report.standing, now);
    return { ...base, standing, reason, ...(module === undefined ? {} : { module }) };
  }

  /** For how long a pod that was ready is not. What was before this process is known of pods that are watched. */
  private lostFor(pod: Pod, state: RolloutState, now: number): number | undefined {
    const { phase, unready = [] } = state;
    const { name } = pod;
    const isNew = !this.lastReady.has(name);
    const wasReady = isNew && isWatched(phase) && trackOf(pod) === "canary" && !unready.includes(name);
    if (pod.ready || wasReady) this.lastReady.set(name, now);
    const last = this.lastReady.get(name);
    return pod.ready || last === undefined ? undefined : now - last;
  }

  /** A suspicion that lasts becomes a certainty. */
  private judged(name: string, standing: PodReport["standing"], now: number): PodView["standing"] {
    if (standing !== "suspect") {
      this.suspectSince.delete(name);
      return standing;
    }
    const since = this.suspectSince.get(name) ?? now;
    this.suspectSince.set(name, since);
    return now - since < suspicionMillis ? "coming" : "failed";
  }

  private isSettled(pod: Pod, state: RolloutState): boolean {
    const known = this.settled.get(pod.name);
    if (known === undefined || known.key !== keyOf(pod, state)) return false;
    const { module = known.report.module } = state;
    if (state.phase === "returning" && known.report.module !== module) return false;
    // A refusal may come at any time while the new version is judged.
    return !isWatched(state.phase) || this.port.now() - known.at < recheckMillis;
  }
}

function keyOf(pod: Pod, { phase, step }: RolloutState): string {
  return `${phase} ${step} ${trackOf(pod)}`;
}

/** Whether pods of the new version are compared with others. */
function isWatched(phase: Phase): boolean {
  return phase === "watching" || phase === "paused";
}

function trackOf(pod: Pod): "stable" | "canary" {
  return pod.labels[trackLabel] === "canary" ? "canary" : "stable";
}
