import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { SharedData } from "../../../scripts/lib/emulator/index.ts";
import { filterModule } from "../../../scripts/lib/paths.ts";
import { Channel, type Question } from "./channel.ts";
import type { Command, Result } from "./explorer-worker.ts";
import { SEED_KEY, SLOT_PREFIX } from "./slots.ts";
import type { Sent } from "./traffic.ts";

/** A request and what became of it. */
export interface Answer {
  readonly vm: number;
  readonly sent: Sent;
  /** When the filter read its clock for it. */
  readonly nanos: bigint;
  /** Status of the response; 200 passed. */
  readonly status: number;
}

/** Picks one of `count` things that may happen next: a VM (by its number) goes on, or the clock does (-1). */
export type Choose = (count: number, movers: readonly number[]) => number;

export interface Script {
  /** Requests of each VM, one after the other. */
  readonly requests: readonly (readonly Sent[])[];
  /** Steps the clock takes, at any point between two calls of the host. */
  readonly steps?: readonly bigint[];
}

// Read once: nobody may build another module between two threads' loads.
const wasm = readFileSync(filterModule);
/** The clock as one of those that may go on. */
export const CLOCK = -1;
/** Between two runs: whatever a VM remembers of the last one has expired. */
const PAUSE_NANOS = 1_000_000_000_000n;

// Node 20 does not hand tsx's loader on to threads.
const BOOT = `import(${JSON.stringify(import.meta.resolve("tsx/esm/api"))}).then(({ tsImport }) =>
  tsImport("./explorer-worker.ts", ${JSON.stringify(import.meta.url)}))`;

/**
 * VMs of the release module, each on a thread of its own, that share data and clock. A VM stops before every call
 * to the shared data; which one goes on is the caller's choice, so that every interleaving can be made.
 */
export class Explorer {
  data = new SharedData();
  readonly #vms: readonly { readonly channel: Channel; readonly thread: Worker }[];
  #nanos = 1_000_000_000_000_000n;

  private constructor(vms: readonly { readonly channel: Channel; readonly thread: Worker }[]) {
    this.#vms = vms;
  }

  /** Starts as many threads; end them with `close`. */
  static async start(vms: number): Promise<Explorer> {
    const lines = Array.from({ length: vms }, () => {
      const channel = new Channel();
      const workerData = { buffer: channel.buffer };
      return { channel, thread: new Worker(BOOT, { eval: true, workerData }) };
    });
    // From here on this thread waits without turning its event loop, which a thread needs to start.
    await Promise.all(lines.map(({ thread }) => once(thread, "message")));
    return new Explorer(lines);
  }

  get nanos(): bigint {
    return this.#nanos;
  }

  /**
   * Loads a configuration into all VMs at the same time. Forgets what was in the shared data. Without `seed` the VMs
   * make a hash key of their own, and which slots users lie in is up to chance.
   */
  load(configuration: object, choose: Choose, seed?: Uint8Array): void {
    this.data = new SharedData();
    if (seed !== undefined) this.data.set("", SEED_KEY, seed);
    const command: Command = { kind: "load", wasm, configuration };
    this.#interleave(
      this.#vms.map((_, vm) => new Agent(this, vm, [command], false)),
      [],
      choose,
    );
  }

  /** Forgets all users and lets what the VMs know of them expire. */
  reset(): void {
    const fresh = new SharedData();
    for (const key of this.data.keys()) {
      const entry = this.data.peek("", key);
      if (entry !== undefined && !key.startsWith(SLOT_PREFIX)) fresh.put("", key, entry.value, 0);
    }
    fresh.nextCas = this.data.nextCas;
    this.data = fresh;
    this.advance(PAUSE_NANOS);
  }

  /** The slots as they lie in the shared data. */
  slots(): Uint8Array[] {
    const keys = this.data.keys().filter((key) => key.startsWith(SLOT_PREFIX));
    return keys.flatMap((key) => this.data.get("", Buffer.from(key, "latin1"))?.value ?? []);
  }

  advance(nanos: bigint): void {
    this.#nanos += nanos;
    for (const { channel } of this.#vms) channel.nanos = this.#nanos;
  }

  /** Sends one request through a VM, undisturbed. */
  send(vm: number, sent: Sent): Answer {
    const requests = this.#vms.map((_, index) => (index === vm ? [sent] : []));
    const [answer] = this.run({ requests }, () => 0);
    if (answer === undefined) throw new Error("no answer");
    return answer;
  }

  /** Runs a script, asking at each point which VM goes on (or whether the clock does). In the order of their ends. */
  run(script: Script, choose: Choose): Answer[] {
    const timed = script.steps !== undefined && script.steps.length > 0;
    const agents = script.requests.map(
      (requests, vm) =>
        new Agent(
          this,
          vm,
          requests.map((sent) => ({ kind: "send", sent })),
          timed,
        ),
    );
    return this.#interleave(agents, [...(script.steps ?? [])], choose);
  }

  channelOf(vm: number): Channel {
    const one = this.#vms[vm];
    if (one === undefined) throw new RangeError(`VM ${vm} of ${this.#vms.length}`);
    return one.channel;
  }

  async close(): Promise<void> {
    await Promise.all(this.#vms.map(({ thread }) => thread.terminate()));
  }

  #interleave(agents: readonly Agent[], steps: bigint[], choose: Choose): Answer[] {
    const answers: Answer[] = [];
    for (;;) {
      // What no other VM can notice happens at once: it makes no difference when.
      for (const agent of agents) while (agent.private) agent.step(answers);
      const movers = agents.filter((agent) => !agent.ended).map((agent) => agent.vm);
      if (movers.length === 0) return answers;
      if (steps.length > 0) movers.push(CLOCK);
      const mover = movers[choose(movers.length, movers)] ?? CLOCK;
      if (mover === CLOCK) this.advance(steps.shift() ?? 0n);
      else agents[mover]?.step(answers);
    }
  }
}

/** One VM at work on its commands, from one call of the shared data to the next. */
class Agent {
  readonly #explorer: Explorer;
  readonly vm: number;
  readonly #commands: Command[];
  readonly #timed: boolean;
  #question: Question | undefined;
  #begun = 0n;
  #command: Command | undefined;

  constructor(explorer: Explorer, vm: number, commands: readonly Command[], timed: boolean) {
    this.#explorer = explorer;
    this.vm = vm;
    this.#commands = [...commands];
    this.#timed = timed;
  }

  get ended(): boolean {
    return this.#command === undefined && this.#commands.length === 0;
  }

  /**
   * Whether it makes no difference when its next step is taken: it begins while the clock stands still, or asks for
   * something that is not the quotas'.
   */
  get private(): boolean {
    if (this.#command === undefined) return !this.#timed && this.#commands.length > 0;
    return this.#command.kind === "send" && this.#question?.key.startsWith(SLOT_PREFIX) !== true;
  }

  step(answers: Answer[]): void {
    if (this.#question !== undefined) return this.#resume(this.#answer(this.#question), answers);
    this.#command = this.#commands.shift();
    this.#begun = this.#explorer.nanos;
    this.#resume(this.#command, answers);
  }

  #resume(message: unknown, answers: Answer[]): void {
    const channel = this.#explorer.channelOf(this.vm);
    const asks = channel.resume(message);
    const said = channel.read();
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what an asking VM says is a question
    this.#question = asks ? (said as Question) : undefined;
    if (asks) return;
    const command = this.#command;
    this.#command = undefined;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the result of a request
    const { status = 0, failure } = said as Result;
    if (failure !== undefined) throw new Error(failure);
    if (command?.kind !== "send") return;
    answers.push({ vm: this.vm, sent: command.sent, nanos: this.#begun, status });
  }

  #answer(question: Question): unknown {
    const { data } = this.#explorer;
    if (question.kind === "put") return data.put("", question.key, question.value, question.cas);
    const entry = data.peek("", question.key);
    return entry === undefined ? undefined : { value: entry.value, cas: entry.cas };
  }
}

/** Runs a body once for every way its choices can go, depth first. Returns how many ways there were. */
export function exhaust(body: (choose: Choose) => void, limit = 1_000_000): number {
  const path: { taken: number; count: number }[] = [];
  for (let runs = 1; ; runs++) {
    let depth = 0;
    body((count) => {
      const known = path[depth] ?? { taken: 0, count };
      if (known.count !== count) throw new Error("the same choices led elsewhere");
      path[depth++] = known;
      return known.taken;
    });
    while (path.length > 0) {
      const last = path[path.length - 1];
      if (last !== undefined && last.taken + 1 < last.count) {
        last.taken++;
        break;
      }
      path.pop();
    }
    if (path.length === 0) return runs;
    if (runs >= limit) throw new Error(`more than ${limit} interleavings`);
  }
}

/** Lets those go on that a list names, in its order; who cannot is passed over, and at its end the first goes on. */
export function follow(list: readonly number[]): Choose {
  const rest = [...list];
  return (_count, movers) => {
    for (;;) {
      const mover = rest.shift();
      if (mover === undefined) return 0;
      if (movers.includes(mover)) return movers.indexOf(mover);
    }
  };
}
