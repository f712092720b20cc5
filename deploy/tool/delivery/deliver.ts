import { CliError, describeError, progress } from "../../../scripts/lib/cli.ts";
import { takeOverInterrupt } from "../../../scripts/lib/process.ts";
import { whoAmI } from "../cluster/access-review.ts";
import { findCanary } from "../cluster/canaries.ts";
import type { Cluster } from "../cluster/connect.ts";
import { ApiError } from "../cluster/failures.ts";
import { clearForeignFields } from "../cluster/foreign-fields.ts";
import {
  readHistory,
  recordRevision,
  settleRevision,
  type Result,
  type Revision,
} from "../cluster/history.ts";
import {
  annotatePlugin,
  applyPlugin,
  readPlugin,
  resentAnnotation,
  type WasmPlugin,
} from "../cluster/plugins.ts";
import { describeBehind, waitUntilRunning, type WaitOutcome } from "../dataplane/wait.ts";
import type { Session } from "./session.ts";
import { readWhileApplied, SupersededError, type Applied } from "./superseded.ts";

/** What is delivered, and how. */
export interface Delivery {
  readonly plugin: WasmPlugin;
  /** Makes the plugin anew of what the cluster has when it is applied: what others have changed by then stays. */
  readonly basedOn?: ((current: WasmPlugin | undefined) => WasmPlugin) | undefined;
  /** Takes fields that others own, and removes those that they have added. */
  readonly force: boolean;
  /** For the history: `rollback to 3`. */
  readonly note?: string;
  /** Only in the place of this. */
  readonly instead?: Applied | undefined;
}

/** A delivery that every pod runs. */
export interface Delivered {
  readonly revision: number;
  readonly image: string;
  readonly configHash: string;
  readonly pods: readonly string[];
}

/** A delivery that not every pod runs, or of which that is not known; the plugin is applied all the same. */
export class DeliveryError extends CliError {
  readonly applied: Applied;
  readonly outcome: WaitOutcome["end"] | "unknown";

  constructor(
    [message, hint]: readonly [message: string, hint: string | undefined],
    applied: Applied,
    outcome: DeliveryError["outcome"],
  ) {
    super(message, hint);
    this.applied = applied;
    this.outcome = outcome;
  }
}

/**
 * Applies a plugin, records it, and waits until the data plane of every selected pod runs it. A DeliveryError names the
 * pods that do not and why, or what kept us from knowing; the history then says `failed` or `interrupted`. A
 * SupersededError when somebody else changes the plugin before. Any other error: nothing was applied.
 */
export async function deliver(session: Session, delivery: Delivery): Promise<Delivered> {
  const { cluster } = session;
  const { name, namespace } = delivery.plugin.metadata;
  const by = await whoAmI(cluster);
  // Read before anything is changed: who may not write the history learns it now.
  await readHistory(cluster, name);
  // From here on Ctrl-C ends the wait, not the program: what was applied is recorded and told.
  const signal = takeOverInterrupt();
  const { spec } = await apply(cluster, delivery);
  const entry = await record(cluster, name, { spec, by, note: delivery.note });
  progress(
    `applied WasmPlugin ${namespace}/${name}, revision ${entry.revision}: ${entry.image}, configuration ${entry.configHash}`,
  );
  progress("waiting until every selected pod has it in its proxy, and its metrics show this configuration");
  const outcome = await watch(session, name, { entry, signal });
  await settle(cluster, name, entry, settled(outcome));
  if (outcome.end !== "running") {
    const { timeoutMillis } = session;
    const words = wording(entry, outcome, { plugin: `${namespace}/${name}`, timeoutMillis });
    throw new DeliveryError(words, entry, outcome.end);
  }
  return {
    revision: entry.revision,
    image: entry.image,
    configHash: entry.configHash,
    pods: outcome.pods.map(({ pod }) => pod.name),
  };
}

/** Between two looks at the plugin somebody else may write to it. */
const attempts = 5;

async function apply(cluster: Cluster, delivery: Delivery): Promise<WasmPlugin> {
  for (let attempt = 1; ; attempt++) {
    const { plugin, replaced } = await resolve(cluster, delivery);
    const { force } = delivery;
    try {
      const cleared = await clearForeignFields(cluster, inPlaceOf(replaced, plugin), force);
      return await applyPlugin(cluster, inPlaceOf(cleared ?? replaced, plugin), { force });
    } catch (error) {
      if (!(error instanceof ApiError) || !error.isStale || attempt === attempts) throw error;
    }
  }
}

/** What to apply, and what it may replace only; anything where that is undefined. */
async function resolve(
  cluster: Cluster,
  { plugin, basedOn, instead }: Delivery,
): Promise<{ readonly plugin: WasmPlugin; readonly replaced: WasmPlugin | undefined }> {
  const { name } = plugin.metadata;
  if (instead !== undefined) return { plugin, replaced: await readWhileApplied(cluster, name, instead) };
  if (basedOn === undefined) return { plugin, replaced: undefined };
  const replaced = await readPlugin(cluster, name);
  return { plugin: basedOn(replaced), replaced };
}

/** The plugin, to be applied only as long as the cluster has this. */
export function inPlaceOf(replaced: WasmPlugin | undefined, plugin: WasmPlugin): WasmPlugin {
  const { uid, resourceVersion } = replaced?.metadata ?? {};
  if (resourceVersion === undefined) return plugin;
  const version = { resourceVersion, ...(uid === undefined ? {} : { uid }) };
  return { ...plugin, metadata: { ...plugin.metadata, ...version } };
}

async function record(
  cluster: Cluster,
  name: string,
  { spec, by, note }: Pick<Revision, "spec" | "by"> & { readonly note: string | undefined },
): Promise<Revision> {
  try {
    const entry = { spec, by, result: "applied" as const, ...(note === undefined ? {} : { note }) };
    return await recordRevision(cluster, name, entry);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const message = `WasmPlugin ${cluster.namespace}/${name} is applied, and its history could not be written: ${error.message}`;
    throw new DeliveryError([message, error.hint], { spec, revision: Infinity }, "unknown");
  }
}

/** Waits, and settles the revision where that ends in an error. */
async function watch(
  { cluster, access, istiod, timeoutMillis }: Session,
  name: string,
  { entry, signal }: { readonly entry: Revision; readonly signal: AbortSignal },
): Promise<WaitOutcome> {
  const { namespace } = cluster;
  const { revision, spec } = entry;
  try {
    return await waitUntilRunning(
      { cluster, access, istiod, expected: { namespace, name, spec } },
      {
        timeoutMillis,
        signal,
        async assertWanted() {
          await readWhileApplied(cluster, name, entry);
        },
        resend: () => annotatePlugin(cluster, name, { [resentAnnotation]: new Date().toISOString() }),
      },
    );
  } catch (error) {
    if (error instanceof SupersededError) {
      await settle(cluster, name, entry, { result: "superseded", note: `by ${error.reason}` });
      throw error;
    }
    const known = error instanceof CliError;
    // A bug: its stack is told, and what was applied is dealt with all the same.
    if (!known) progress(describeError(error));
    const reason = error instanceof Error ? error.message : String(error);
    await settle(cluster, name, entry, { result: "failed", note: reason.slice(0, 300) });
    const message = `revision ${revision} of ${namespace}/${name} is applied, and it is not known whether pods run it: ${reason}`;
    throw new DeliveryError([message, known ? error.hint : undefined], entry, "unknown");
  }
}

/** What became of a revision is told in any case; the history may be out of reach by now. */
async function settle(
  cluster: Cluster,
  name: string,
  { revision }: Revision,
  outcome: { readonly result: Result; readonly note?: string },
): Promise<void> {
  try {
    await settleRevision(cluster, name, revision, outcome);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    progress(
      `warning: the history does not say that revision ${revision} is ${outcome.result}: ${error.message}`,
    );
  }
}

function settled(outcome: WaitOutcome): { result: Result; note?: string } {
  if (outcome.end === "running") return { result: "running" };
  const first = outcome.pods.find(({ standing }) => standing.kind !== "running");
  const note = first === undefined ? "" : `${first.pod.name} ${first.standing.reason}`.slice(0, 300);
  return { result: outcome.end === "interrupted" ? "interrupted" : "failed", note };
}

function wording(
  { revision }: Revision,
  { end, pods }: WaitOutcome,
  { plugin, timeoutMillis }: { readonly plugin: string; readonly timeoutMillis: number },
): readonly [message: string, hint: string] {
  const behind = pods.filter(({ standing }) => standing.kind !== "running").length;
  const count = `${behind} of ${pods.length} pods`;
  const list = describeBehind(pods);
  const messages = {
    running: "",
    stuck: `revision ${revision} of ${plugin} will not run on ${count}:\n${list}`,
    timeout: `revision ${revision} of ${plugin} does not run on ${count} after ${timeoutMillis / 1000} s (--timeout):\n${list}`,
    interrupted: `interrupted: revision ${revision} of ${plugin} is applied and Istio goes on delivering it; ${count} do not run it yet:\n${list}`,
  };
  return [messages[end], "tickgate rollback takes it back; tickgate status shows where it stands"];
}

/** A CliError while a rollout is under way: what it does and what we would do contradict each other. */
export async function refuseDuringRollout(session: Session, name: string): Promise<void> {
  const canary = await findCanary(session.cluster, name);
  if (canary === undefined) return;
  throw new CliError(
    `a rollout is under way: WasmPlugin ${session.cluster.namespace}/${canary.metadata.name} exists`,
    "tickgate rollout --resume goes on with it, tickgate rollout abort takes it back",
  );
}
