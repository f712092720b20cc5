import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { CliError, progress } from "../../../scripts/lib/cli.ts";
import { sleep } from "../../../scripts/lib/process.ts";
import { readConfigMap, writeConfigMap } from "../cluster/config-maps.ts";
import type { Cluster } from "../cluster/connect.ts";
import { ApiError } from "../cluster/failures.ts";

/** The right to drive a rollout, which one process has at a time. It is renewed by itself until it is released. */
export interface Claim {
  /** To be called before everything that changes the cluster. A CliError when another process has the claim, or may have. */
  held(): Promise<void>;
  /** Lets others go on at once. */
  release(): Promise<void>;
}

/** Another process drives the rollout, and lives. */
export class DrivenElsewhere extends CliError {}

/** How long things take, in milliseconds. */
export interface ClaimTiming {
  /** Unchanged for longer, a claim is taken for that of a dead process. */
  readonly deadMillis: number;
  readonly renewMillis: number;
  /** How often a claim of somebody else is looked at. */
  readonly pollMillis: number;
}

/** What `takeClaim` may be told. */
export interface ClaimOptions {
  /** Ends the wait for somebody else's claim. */
  readonly signal?: AbortSignal;
  readonly timing?: ClaimTiming;
}

interface Holding {
  /** Different in every process; empty where nobody has it. */
  readonly holder: string;
  /** In words: host and process. */
  readonly who: string;
  /** By the holder's clock: of no use but to see that it changes. */
  readonly renewedAt: string;
  readonly resourceVersion: string | undefined;
}

const usualTiming: ClaimTiming = { deadMillis: 15_000, renewMillis: 5000, pollMillis: 500 };
/** One may be spent in an outage of the API server, and be too old when it ends. */
const renewalsAtOnce = 3;

/** Name of the ConfigMap that says which process drives the rollout of a plugin. */
export function claimName(plugin: string): string {
  return `${plugin}-rollout`;
}

/**
 * Takes the claim. One that somebody else has is watched: a DrivenElsewhere as soon as it is renewed, ours when it is not
 * for 15 s by our clock; whether a process of another machine lives can't be known otherwise. Undefined when `signal` was
 * aborted first. In a ConfigMap, for which the tool has rights anyway, and not in the plugin, each change of which makes
 * istiod push.
 */
export async function takeClaim(
  cluster: Cluster,
  plugin: string,
  { signal, timing = usualTiming }: ClaimOptions = {},
): Promise<Claim | undefined> {
  for (;;) {
    const free = await waitUntilFree(cluster, plugin, { signal, timing });
    if (free === undefined) return undefined;
    const claim = new HeldClaim(cluster, plugin, timing);
    // Else somebody was faster, and is watched now.
    if (!(await claim.take(free))) continue;
    if (signal?.aborted !== true) return claim;
    await claim.release();
    return undefined;
  }
}

async function waitUntilFree(
  cluster: Cluster,
  plugin: string,
  { signal, timing }: { readonly signal: AbortSignal | undefined; readonly timing: ClaimTiming },
): Promise<Holding | undefined> {
  const first = await read(cluster, plugin);
  const since = performance.now();
  let seen = first;
  if (seen.holder !== "") {
    const seconds = timing.deadMillis / 1000;
    progress(`${seen.who} has driven this rollout: watching for up to ${seconds} s whether it still does`);
  }
  while (seen.holder !== "" && performance.now() - since < timing.deadMillis) {
    if (signal?.aborted) return undefined;
    await sleep(timing.pollMillis, signal);
    seen = await read(cluster, plugin);
    const { holder, renewedAt } = seen;
    if (holder !== "" && (holder !== first.holder || renewedAt !== first.renewedAt)) {
      throw new DrivenElsewhere(
        `another process drives this rollout: ${seen.who}`,
        "wait for it or stop it; tickgate rollout approve and abort speak to it",
      );
    }
  }
  return seen;
}

class HeldClaim implements Claim {
  private readonly cluster: Cluster;
  private readonly plugin: string;
  private readonly timing: ClaimTiming;
  private readonly holder = randomUUID();
  private resourceVersion: string | undefined;
  private confirmed = moment();
  private renewing: Promise<void> | undefined;
  private lost: CliError | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(cluster: Cluster, plugin: string, timing: ClaimTiming) {
    this.cluster = cluster;
    this.plugin = plugin;
    this.timing = timing;
  }

  /** Whether nobody else was faster. */
  async take(free: Holding): Promise<boolean> {
    this.resourceVersion = free.resourceVersion;
    await this.renewOnce();
    if (this.lost !== undefined) return false;
    // By a timer, since one look at hundreds of pods may take longer than others wait.
    this.timer = setInterval(() => {
      // Tried again by the next tick, and by whoever asks whether it is held.
      this.renew().catch(() => {});
    }, this.timing.renewMillis);
    this.timer.unref();
    return true;
  }

  async held(): Promise<void> {
    const { deadMillis, renewMillis } = this.timing;
    for (let renewals = 0; this.lost === undefined; renewals++) {
      // What is begun now is done before others may take over.
      if (millisSince(this.confirmed) < deadMillis - renewMillis) return;
      if (renewals === renewalsAtOnce)
        throw new CliError("the API server is too slow to tell others that this process drives the rollout");
      await this.renew();
    }
    throw this.lost;
  }

  async release(): Promise<void> {
    clearInterval(this.timer);
    await this.renewing?.catch(() => {});
    if (this.lost !== undefined) return;
    this.lost = new CliError("the claim was released");
    try {
      await this.write("");
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      // Taken over at the last moment: there is nothing to release.
      if (isConflict(error)) return;
      progress(`warning: others have to wait until this process counts as dead: ${error.message}`);
    }
  }

  private renew(): Promise<void> {
    this.renewing ??= this.renewOnce().finally(() => {
      this.renewing = undefined;
    });
    return this.renewing;
  }

  private async renewOnce(): Promise<void> {
    const started = moment();
    try {
      await this.write(this.holder);
    } catch (error) {
      if (!isConflict(error)) throw error;
      const now = await read(this.cluster, this.plugin);
      if (now.holder !== this.holder) {
        this.lost = new CliError(`${now.who || "somebody else"} has taken this rollout over`);
        return;
      }
      // Ours, and written: only the answer was lost, or somebody else has touched the object.
      this.resourceVersion = now.resourceVersion;
      return this.renewOnce();
    }
    this.confirmed = started;
  }

  private async write(holder: string): Promise<void> {
    const who = `${hostname()}, process ${process.pid}`;
    const data = { holder, who, renewedAt: new Date().toISOString() };
    const { resourceVersion } = this;
    this.resourceVersion = await writeConfigMap(this.cluster, claimName(this.plugin), {
      data,
      resourceVersion,
    });
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.isStale;
}

interface Moment {
  readonly wallMillis: number;
  readonly steadyMillis: number;
}

function moment(): Moment {
  return { wallMillis: Date.now(), steadyMillis: performance.now() };
}

/** The steady clock stands still while a laptop sleeps, the other one may be set back. */
function millisSince({ wallMillis, steadyMillis }: Moment): number {
  return Math.max(Date.now() - wallMillis, performance.now() - steadyMillis);
}

async function read(cluster: Cluster, plugin: string): Promise<Holding> {
  const { data, resourceVersion } = await readConfigMap(cluster, claimName(plugin));
  const { holder = "", who = holder, renewedAt = "" } = data;
  return { holder, who, renewedAt, resourceVersion };
}
