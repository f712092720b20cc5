import { SeededRandom } from "../../scripts/sample/random.ts";
import { trackLabel, type Pod, type Track } from "../../deploy/tool/cluster/pods.ts";
import { noCounts, type Counts } from "../../deploy/tool/metrics/counts.ts";
import type { MetricsSource } from "../../deploy/tool/metrics/source.ts";
import type { Plan } from "../../deploy/tool/rollout/plan.ts";
import type { PodReport, Requests, Result, RolloutPort } from "../../deploy/tool/rollout/port.ts";
import type { StablePlugin } from "../../deploy/tool/rollout/stable.ts";
import { decodeState, encodeState, type RolloutState } from "../../deploy/tool/rollout/state.ts";
import { defaultThresholds } from "../../deploy/tool/rollout/verdict.ts";

/** A plan whose times fit the clock of the simulation: a quarter of the pods, then all. */
export const simulatedPlan: Plan = {
  strategy: "canary",
  steps: [25, 100],
  windowMillis: 10_000,
  maxWindowMillis: 60_000,
  settleMillis: 2000,
  timeoutMillis: 30_000,
  approval: "auto",
  onDoubt: "pause",
  thresholds: defaultThresholds,
};

/** How a version treats its requests. */
export interface Behaviour {
  /** Share of requests it fails, and refuses for a quota. */
  readonly errors?: number;
  readonly denials?: number;
  readonly micros?: number;
  readonly traps?: boolean;
  /** Pods never run it. */
  readonly refused?: boolean;
  readonly perSecond?: number;
  /** Pods that run it do not become ready, or do not stay it. */
  readonly unready?: boolean;
}

/** The process was killed at this call. */
export class Killed extends Error {}

interface SimulatedPod {
  readonly pod: Pod;
  track: Track;
  runs: string;
  coming: { readonly version: string; readonly at: number } | undefined;
  totals: { requests: number; errors: number; denied: number; fast: number; reloads: number };
}

/** Which call of the port dies, and whether it does its work first. */
export interface Kill {
  readonly call: number;
  readonly after: boolean;
}

const standings: Readonly<Record<string, StablePlugin["has"]>> = { v1: "original", v2: "target" };
const bounds = [100, 200, 400, 800, 1600, 3200, 6400];

/** Pods, plugins, a control plane that takes its time, and traffic; in memory, with a clock of its own. */
export class SimulatedCluster implements RolloutPort {
  readonly metrics: MetricsSource = {
    description: "the simulation",
    read: (pods) =>
      this.call(() => ({
        pods: new Map(
          pods.flatMap(({ name }) => {
            const counts = this.countsOf(name);
            return counts === undefined ? [] : [[name, { counts, atMillis: this.clock }] as const];
          }),
        ),
        missing: new Map(),
      })),
  };
  /** What happened, for messages of failed tests. */
  readonly finished: { result: string; reason: string }[] = [];
  calls = 0;
  kill: Kill | undefined;
  stored: string | undefined;
  stableVersion = "v1";
  /** What the stable plugin has after a promotion: something else where others write fields of it, too. */
  promotedVersion = "v2";
  /** Pods that the API server refuses to move, with what it says. */
  readonly unmovable = new Map<string, string>();
  asked: Requests = {};
  /** Pods that are never ready, whatever they run. */
  readonly unready = new Set<string>();
  /** Called at the begin of every action, for events from outside. */
  onCall: ((cluster: SimulatedCluster) => void) | undefined;
  private clock = 1_700_000_000_000;
  private readonly all: SimulatedPod[];
  private readonly behaviours: Map<string, Behaviour>;
  private readonly random: SeededRandom;

  /** `pods`: how many, or how many of each application. `behaviours`: of a version, or of one application's (`quotes v2`). */
  constructor(
    pods: number | Readonly<Record<string, number>>,
    behaviours: Readonly<Record<string, Behaviour>>,
    seed = 1,
  ) {
    this.behaviours = new Map(Object.entries(behaviours));
    this.random = new SeededRandom(seed);
    const applications = typeof pods === "number" ? { pod: pods } : pods;
    this.all = Object.entries(applications).flatMap(([workload, count]) =>
      Array.from({ length: count }, (_, index) => newPod(`${workload}-${index}`, "v1", workload)),
    );
  }

  /** How many pods are on a track. */
  count(track: Track): number {
    return this.on(track).length;
  }

  /** Their names. */
  on(track: Track): readonly string[] {
    return this.all.filter((pod) => pod.track === track).map(({ pod }) => pod.name);
  }

  /** What the pods run, each version once. */
  versions(): string[] {
    return [...new Set(this.all.map(({ runs }) => runs))];
  }

  /** A pod dies and its successor is born on the stable track. */
  replacePod(index: number): void {
    const { name = "pod", workload } = this.all[index]?.pod ?? {};
    this.all[index] = newPod(`${name}-next`, this.stableVersion, workload);
  }

  /** From now on a version behaves like this. */
  setBehaviour(version: string, behaviour: Behaviour): void {
    this.behaviours.set(version, behaviour);
  }

  /** The state as the next process finds it; undefined when there is no canary plugin. */
  state(): RolloutState | undefined {
    return this.stored === undefined ? undefined : decodeState(this.stored, "the canary");
  }

  now(): number {
    return this.clock;
  }

  sleep(millis: number): Promise<void> {
    return this.call(() => this.advance(millis));
  }

  pods(): Promise<readonly Pod[]> {
    return this.call(() =>
      this.all.map(({ pod, track, runs }) => ({
        ...pod,
        labels: { ...pod.labels, [trackLabel]: track },
        ready: this.behaviours.get(runs)?.unready !== true && !this.unready.has(pod.name),
      })),
    );
  }

  report(pods: readonly Pod[]): Promise<ReadonlyMap<string, PodReport>> {
    return this.call(() => new Map(pods.map(({ name }) => [name, this.reportOf(this.find(name))])));
  }

  stable(): Promise<StablePlugin> {
    return this.call(() => ({
      has: standings[this.stableVersion] ?? "other",
      change: `somebody gave it ${this.stableVersion}`,
    }));
  }

  requests(): Promise<Requests> {
    return this.call(() => this.asked);
  }

  save(state: RolloutState): Promise<void> {
    return this.call(() => {
      this.stored = encodeState(state);
    });
  }

  /** Dies between pods too. */
  async move(pods: readonly Pod[], to: Track): Promise<ReadonlyMap<string, string>> {
    for (const { name } of pods) {
      await this.call(() => {
        const pod = this.find(name);
        if (pod === undefined || this.unmovable.has(name)) return;
        pod.track = to;
        this.deliver(pod);
      });
    }
    return new Map([...this.unmovable].filter(([name]) => pods.some((pod) => pod.name === name)));
  }

  promote(): Promise<void> {
    return this.call(() => this.apply(this.promotedVersion));
  }

  /** Gives the stable plugin a version, as anybody may. */
  apply(version: string): void {
    this.stableVersion = version;
    for (const pod of this.all.filter(({ track }) => track === "stable")) this.deliver(pod);
  }

  finish(_state: RolloutState, result: Result, reason: string): Promise<void> {
    return this.call(() => {
      this.finished.push({ result, reason });
      this.stored = undefined;
    });
  }

  private async call<T>(work: () => T): Promise<T> {
    this.onCall?.(this);
    this.calls += 1;
    const dies = this.kill?.call === this.calls;
    if (dies && this.kill?.after === false) throw new Killed(`before call ${this.calls}`);
    // Calls take time, too.
    this.advance(10);
    const result = work();
    if (dies) throw new Killed(`after call ${this.calls}`);
    return Promise.resolve(result);
  }

  private deliver(pod: SimulatedPod): void {
    const version = pod.track === "stable" ? this.stableVersion : "v2";
    pod.coming = { version, at: this.clock + 100 + Math.floor(this.random.next() * 900) };
  }

  private advance(millis: number): void {
    this.clock += millis;
    for (const pod of this.all) {
      const { coming } = pod;
      if (coming !== undefined && coming.at <= this.clock) {
        pod.coming = undefined;
        if (this.behaviours.get(coming.version)?.refused !== true) pod.runs = coming.version;
      }
      this.serve(pod, millis / 1000);
    }
  }

  private serve(pod: SimulatedPod, seconds: number): void {
    const {
      perSecond = 50,
      errors = 0,
      denials = 0,
      micros = 300,
      traps = false,
    } = this.behaviours.get(`${pod.pod.workload} ${pod.runs}`) ?? this.behaviours.get(pod.runs) ?? {};
    const requests = perSecond * seconds;
    pod.totals.requests += requests;
    pod.totals.errors += requests * errors;
    pod.totals.denied += requests * denials;
    pod.totals.fast += micros <= 400 ? requests : 0;
    pod.totals.reloads += traps ? seconds : 0;
  }

  private countsOf(name: string): Counts | undefined {
    const found = this.find(name);
    if (found === undefined) return undefined;
    const { requests, errors, denied, fast, reloads } = found.totals;
    const total = Math.floor(requests);
    const counts = bounds.map((bound) => (bound < 400 ? 0 : bound < 6400 ? Math.floor(fast) : total));
    return {
      ...noCounts,
      requests: total,
      errors: Math.floor(errors),
      denied: denied < 1 ? {} : { orders: Math.floor(denied) },
      durationMicros: { bounds, counts, total },
      vmReloads: Math.floor(reloads),
    };
  }

  private reportOf(pod: SimulatedPod | undefined): PodReport {
    if (pod === undefined) return { standing: "coming", reason: "is gone" };
    const wanted = pod.track === "stable" ? this.stableVersion : "v2";
    if (pod.runs === wanted) return { standing: "running", reason: "runs it", module: wanted };
    if (pod.coming === undefined) return { standing: "suspect", reason: `refused ${wanted}` };
    return { standing: "coming", reason: `still runs ${pod.runs}` };
  }

  /** Undefined when it has been replaced. */
  private find(name: string): SimulatedPod | undefined {
    return this.all.find(({ pod }) => pod.name === name);
  }
}

function newPod(name: string, runs: string, workload = "pod"): SimulatedPod {
  const pod = { namespace: "trading", name, address: "127.0.0.1", labels: {}, ready: true, workload };
  const totals = { requests: 0, errors: 0, denied: 0, fast: 0, reloads: 0 };
  return { pod, track: "stable", runs, coming: undefined, totals };
}
