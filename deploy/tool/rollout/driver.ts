import type { Pod } from "../cluster/pods.ts";
import { trackLabel } from "../cluster/pods.ts";
import {
  isBeforePromotion,
  nextAction,
  type Action,
  type Observation,
  type Outcome,
  type PodView,
} from "./machine.ts";
import type { PodReport, Result, RolloutPort } from "./port.ts";
import { approvalOf, describeStep, type Phase, type RolloutState } from "./state.ts";
import { Window } from "./window.ts";

/** How a run of the driver ended; `state` is where the rollout was left. */
export interface Ending {
  /** `stopped`: by a signal. `undecided`: nobody approved in time. `stuck`: pods do not follow. */
  readonly result: Result | "stopped" | "undecided" | "stuck";
  readonly reason: string;
  readonly state: RolloutState;
  /** What could not be compared in the last step that this run has judged. */
  readonly unknown: readonly string[];
}

/** Bounds of a run. */
export interface DriveOptions {
  /** Ends the run after the action under way. */
  readonly signal?: AbortSignal;
  /** How long a paused rollout waits for an approval. */
  readonly approvalMillis: number;
  /** Called with a line whenever something happens. */
  readonly report: (line: string) => void;
}

const pollMillis = 500;
/** Before something is done again that had no effect. */
const retryMillis = 2000;
/** A pod may look refused for a moment between receiving a configuration and counting it. */
const suspicionMillis = 5000;
/** How often the data plane of pods under watch is read again. */
const recheckMillis = 5000;

/** Carries a rollout on from `state` until it ends, one action after the other. */
export async function drive(port: RolloutPort, state: RolloutState, options: DriveOptions): Promise<Ending> {
  return new Driver(port, state, options).run();
}

class Driver {
  private readonly port: RolloutPort;
  private readonly options: DriveOptions;
  private state: RolloutState;
  private pods: readonly Pod[] = [];
  private window: Window | undefined;
  private outcome: Outcome | undefined;
  private waitingSince: number | undefined;
  private askingSince: number | undefined;
  private approvedAt: number | undefined;
  private lookedAt = Number.NEGATIVE_INFINITY;
  /** When each pod was last seen ready. */
  private readonly lastReady = new Map<string, number>();
  private lastLine = "";
  private lastEffort: string | undefined;
  /** Why pods could not be moved when that was last tried. */
  private readonly refusals = new Map<string, string>();
  private unknown: readonly string[] = [];
  private readonly suspectSince = new Map<string, number>();
  /** Pods seen running on their track in this phase, and when. */
  private readonly settled = new Map<
    string,
    { readonly key: string; readonly at: number; readonly report: PodReport }
  >();

  constructor(port: RolloutPort, state: RolloutState, options: DriveOptions) {
    this.port = port;
    this.state = state;
    this.options = options;
  }

  async run(): Promise<Ending> {
    while (this.options.signal?.aborted !== true) {
      const seen = await this.observe();
      const action = nextAction(this.state, seen);
      const inVain = this.isRepeated(action);
      const ending = await this.perform(action);
      if (ending !== undefined) return ending;
      if (inVain) await this.port.sleep(retryMillis);
    }
    return this.ended("stopped", "it was interrupted");
  }

  private ended(result: Ending["result"], reason: string): Ending {
    return { result, reason, state: this.state, unknown: this.unknown };
  }

  /** Whether this very thing was the last that was tried. The time since then counts as waiting for its effect. */
  private isRepeated(action: Action): boolean {
    const effort = action.kind === "move" || action.kind === "promote" ? JSON.stringify(action) : undefined;
    const repeated = effort !== undefined && effort === this.lastEffort;
    if (action.kind === "wait") return false;
    if (!repeated) this.waitingSince = undefined;
    if (effort !== undefined) this.waitingSince ??= this.port.now();
    this.lastEffort = effort;
    return repeated;
  }

  private async observe(): Promise<Observation> {
    const { port } = this;
    const [pods, requests, stable] = await Promise.all([port.pods(), port.requests(), port.stable()]);
    this.pods = pods;
    const views = await this.views();
    if (isBeforePromotion(this.state) && stable.has !== "original") {
      // What pods count from now on is not the old version's.
      this.window = undefined;
      this.outcome = undefined;
    }
    const { waitingSince, outcome, state } = this;
    const isApproved = state.phase === "paused" && requests.approved === approvalOf(state);
    if (isApproved) this.approvedAt ??= port.now();
    return {
      ...requests,
      pods: views,
      stable,
      looked: this.hasLooked(),
      overdue: waitingSince !== undefined && port.now() - waitingSince > state.plan.timeoutMillis,
      ...(outcome === undefined ? {} : { outcome }),
    };
  }

  /** Reads the pods whose standing matters in this phase, unless it is known. */
  private async views(): Promise<PodView[]> {
    const { phase } = this.state;
    const all = phase === "returning" || phase === "rolling-back";
    const some = phase === "moving" || isWatched(phase);
    const wanted = this.pods.filter((pod) => all || (some && trackOf(pod) === "canary"));
    const unknown = wanted.filter((pod) => !this.isSettled(pod));
    const reports = unknown.length > 0 ? await this.port.report(unknown) : new Map<string, PodReport>();
    const now = this.port.now();
    for (const pod of unknown) {
      const report = reports.get(pod.name);
      if (report?.standing === "running")
        this.settled.set(pod.name, { key: this.keyOf(pod), at: now, report });
    }
    return this.pods.map((pod) => this.view(pod, reports.get(pod.name), now));
  }

  private view(pod: Pod, fresh: PodReport | undefined, now: number): PodView {
    const { name, ready, workload = "" } = pod;
    const report = fresh ?? this.settled.get(name)?.report;
    const refusal = this.refusals.get(name);
    const lostMillis = this.lostFor(pod, now);
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
  private lostFor(pod: Pod, now: number): number | undefined {
    const { phase, unready = [] } = this.state;
    const { name } = pod;
    const isNew = !this.lastReady.has(name);
    const wasReady = isNew && isWatched(phase) && trackOf(pod) === "canary" && !unready.includes(name);
    if (pod.ready || wasReady) this.lastReady.set(name, now);
    const last = this.lastReady.get(name);
    return pod.ready || last === undefined ? undefined : now - last;
  }

  /** Whether the pods have been compared after the approval was seen. */
  private hasLooked(): boolean {
    const { approvedAt, window, lookedAt } = this;
    return approvedAt !== undefined && window !== undefined && window.looks >= 2 && lookedAt >= approvedAt;
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

  private isSettled(pod: Pod): boolean {
    const known = this.settled.get(pod.name);
    if (known === undefined || known.key !== this.keyOf(pod)) return false;
    const { module = known.report.module } = this.state;
    if (this.state.phase === "returning" && known.report.module !== module) return false;
    // A refusal may come at any time while the new version is judged.
    return !isWatched(this.state.phase) || this.port.now() - known.at < recheckMillis;
  }

  private keyOf(pod: Pod): string {
    const { phase, step } = this.state;
    return `${phase} ${step} ${trackOf(pod)}`;
  }

  private async perform(action: Action): Promise<Ending | undefined> {
    const { port, state } = this;
    switch (action.kind) {
      case "save":
        await port.save(action.state);
        this.enter(action.state);
        return undefined;
      case "move":
        await this.move(action.pods, action.to);
        return undefined;
      case "promote":
        this.say("giving the new version to the stable plugin");
        await port.promote(state);
        return undefined;
      case "wait":
        this.waitingSince ??= port.now();
        this.say(`waiting until ${action.what}`);
        await port.sleep(pollMillis);
        return undefined;
      case "watch":
        await this.watch();
        return undefined;
      case "ask":
        return this.ask(action.reason);
      case "finish":
        await port.finish(state, action.result, action.reason);
        return this.ended(action.result, action.reason);
      default:
        return this.ended("stuck", `in vain it was waited until ${action.reason}`);
    }
  }

  private enter(state: RolloutState): void {
    this.state = state;
    this.window = undefined;
    this.outcome = undefined;
    this.askingSince = undefined;
    this.approvedAt = undefined;
    this.suspectSince.clear();
    const why = state.reason === undefined ? "" : `: ${state.reason}`;
    const where = state.phase === "moving" || state.phase === "watching" ? ` ${describeStep(state)}` : "";
    const { unready = [] } = state;
    const idle =
      state.phase === "watching" && unready.length > 0
        ? `; not ready before either: ${unready.join(", ")}`
        : "";
    this.say(`${phaseInWords[state.phase]}${where}${why}${idle}`);
  }

  private async move(names: readonly string[], to: "stable" | "canary"): Promise<void> {
    this.say(
      `moving ${names.length} of ${this.pods.length} pods to ${to === "canary" ? "the new version" : "stable"}`,
    );
    const pods = this.pods.filter(({ name }) => names.includes(name));
    const refused = await this.port.move(pods, to);
    for (const { name } of pods) this.refusals.delete(name);
    for (const [name, cause] of refused) {
      this.refusals.set(name, cause);
      this.say(`pod ${name} could not be moved: ${cause}`);
    }
  }

  private async watch(): Promise<void> {
    const { port, state } = this;
    await this.look();
    if (this.outcome !== undefined) {
      this.unknown = this.outcome.unknown ?? [];
      this.say(`${describeStep(state)}: ${this.outcome.text}`);
      return;
    }
    if (this.window?.extendedBecause !== undefined)
      this.say(`watching longer, too little is known yet: ${this.window.extendedBecause}`);
    await port.sleep(this.betweenLooks());
  }

  private async look(): Promise<void> {
    const { port, state } = this;
    this.window ??= new Window(state, port.metrics, port.now());
    this.outcome = await this.window.look(this.pods, port.now());
    this.lookedAt = port.now();
  }

  private betweenLooks(): number {
    return Math.min(5000, Math.max(100, this.state.plan.windowMillis / 10));
  }

  /** Waits for an approval; the pods stay watched. */
  private async ask(reason: string): Promise<Ending | undefined> {
    const { port, options, state } = this;
    this.askingSince ??= port.now();
    if (port.now() - this.askingSince >= options.approvalMillis) return this.ended("undecided", reason);
    this.say(`paused, approval ${approvalOf(state)} is wanted: ${reason}`);
    // What went well for an hour must not hide what goes wrong now.
    if (this.window?.isOver(port.now()) === true) this.window = undefined;
    if (port.now() - this.lookedAt >= this.betweenLooks()) await this.look();
    if (this.outcome === undefined) await port.sleep(Math.min(pollMillis, this.betweenLooks()));
    return undefined;
  }

  /** Nothing is said twice in a row. */
  private say(line: string): void {
    if (line === this.lastLine) return;
    this.lastLine = line;
    this.options.report(line);
  }
}

const phaseInWords: Readonly<Record<Phase, string>> = {
  baseline: "watching the old version",
  moving: "beginning",
  watching: "watching",
  paused: "pausing",
  promoting: "promoting the new version",
  returning: "bringing the pods back to the stable plugin",
  "rolling-back": "rolling back",
};

/** Whether pods of the new version are compared with others. */
function isWatched(phase: Phase): boolean {
  return phase === "watching" || phase === "paused";
}

function trackOf(pod: Pod): "stable" | "canary" {
  return pod.labels[trackLabel] === "canary" ? "canary" : "stable";
}
