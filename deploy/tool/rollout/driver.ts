import type { Pod } from "../cluster/pods.ts";
import { isBeforePromotion, nextAction } from "./machine.ts";
import type { Action, Observation, Outcome } from "./observation.ts";
import type { Result, RolloutPort } from "./port.ts";
import { Sightings } from "./sightings.ts";
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

/** Carries a rollout on from `state` until it ends, one action after the other. */
export async function drive(port: RolloutPort, state: RolloutState, options: DriveOptions): Promise<Ending> {
  return new Driver(port, state, options).run();
}

class Driver {
  private readonly port: RolloutPort;
  private readonly options: DriveOptions;
  private readonly sightings: Sightings;
  private state: RolloutState;
  private pods: readonly Pod[] = [];
  private window: Window | undefined;
  private outcome: Outcome | undefined;
  private waitingSince: number | undefined;
  private askingSince: number | undefined;
  private approvedAt: number | undefined;
  private lookedAt = Number.NEGATIVE_INFINITY;
  private lastLine = "";
  private lastEffort: string | undefined;
  /** What is done was done before, to no effect, and told then. */
  private isInVain = false;
  private unknown: readonly string[] = [];

  constructor(port: RolloutPort, state: RolloutState, options: DriveOptions) {
    this.port = port;
    this.sightings = new Sightings(port);
    this.state = state;
    this.options = options;
  }

  async run(): Promise<Ending> {
    while (this.options.signal?.aborted !== true) {
      const seen = await this.observe();
      const action = nextAction(this.state, seen);
      this.isInVain = this.isRepeated(action);
      const ending = await this.perform(action);
      if (ending !== undefined) return ending;
      if (this.isInVain) await this.port.sleep(retryMillis);
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
    const views = await this.sightings.of(pods, this.state);
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

  /** Whether the pods have been compared after the approval was seen. */
  private hasLooked(): boolean {
    const { approvedAt, window, lookedAt } = this;
    return approvedAt !== undefined && window !== undefined && window.looks >= 2 && lookedAt >= approvedAt;
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
    this.sightings.forgetSuspicions();
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
    this.sightings.noteRefusals(pods, refused);
    for (const [name, cause] of refused) this.say(`pod ${name} could not be moved: ${cause}`);
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
    if (line === this.lastLine || this.isInVain) return;
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
