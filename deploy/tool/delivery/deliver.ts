import { CliError, progress } from "../../../scripts/lib/cli.ts";
import { takeOverInterrupt } from "../../../scripts/lib/process.ts";
import { whoAmI } from "../cluster/access-review.ts";
import { findCanary } from "../cluster/canaries.ts";
import {
  readHistory,
  recordRevision,
  settleRevision,
  type Result,
  type Revision,
} from "../cluster/history.ts";
import { applyPlugin, resentAnnotation, type WasmPlugin } from "../cluster/plugins.ts";
import { describeBehind, waitUntilRunning, type WaitOutcome } from "../dataplane/wait.ts";
import type { Session } from "./session.ts";

/** What is delivered, and how. */
export interface Delivery {
  readonly plugin: WasmPlugin;
  readonly force: boolean;
  /** For the history: `rollback to 3`. */
  readonly note?: string;
  /** As `tickgate_build_info` will spell it, when known. */
  readonly version?: string | undefined;
}

/** A delivery that every pod runs. */
export interface Delivered {
  readonly revision: number;
  readonly image: string;
  readonly configHash: string;
  readonly pods: readonly string[];
}

/** A delivery that not every pod runs; the plugin is applied all the same. */
export class DeliveryError extends CliError {
  readonly revision: number;
  readonly outcome: WaitOutcome["end"];

  constructor(message: string, hint: string, revision: number, outcome: WaitOutcome["end"]) {
    super(message, hint);
    this.revision = revision;
    this.outcome = outcome;
  }
}

/**
 * Applies a plugin, records it, and waits until the data plane of every selected pod runs it. A DeliveryError names the
 * pods that do not and why; the history then says `failed` or `interrupted`.
 */
export async function deliver(session: Session, delivery: Delivery): Promise<Delivered> {
  const { cluster } = session;
  const { name, namespace } = delivery.plugin.metadata;
  const by = await whoAmI(cluster);
  // Read before anything is changed: who may not write the history learns it now.
  await readHistory(cluster, name);
  // From here on Ctrl-C ends the wait, not the program: what was applied is recorded and told.
  const signal = takeOverInterrupt();
  const applied = await applyPlugin(cluster, delivery.plugin, { force: delivery.force });
  const { spec } = applied;
  const note = delivery.note === undefined ? {} : { note: delivery.note };
  const entry = await recordRevision(cluster, name, { spec, by, result: "applied", ...note });
  progress(
    `applied WasmPlugin ${namespace}/${name}, revision ${entry.revision}: ${entry.image}, configuration ${entry.configHash}`,
  );
  progress("waiting until every selected pod has it in its proxy, and its metrics show this configuration");
  const outcome = await waitUntilRunning(
    {
      cluster,
      access: session.access,
      istiod: session.istiod,
      expected: { name, namespace, spec, version: delivery.version },
    },
    { timeoutMillis: session.timeoutMillis, signal, resend: () => resend(session, delivery) },
  );
  await settleRevision(cluster, name, entry.revision, settled(outcome));
  if (outcome.end !== "running")
    throw failure(entry, outcome, { plugin: `${namespace}/${name}`, timeoutMillis: session.timeoutMillis });
  return {
    revision: entry.revision,
    image: entry.image,
    configHash: entry.configHash,
    pods: outcome.pods.map(({ pod }) => pod.name),
  };
}

async function resend({ cluster }: Session, { plugin, force }: Delivery): Promise<void> {
  const { annotations } = plugin.metadata;
  const metadata = {
    ...plugin.metadata,
    annotations: { ...annotations, [resentAnnotation]: new Date().toISOString() },
  };
  await applyPlugin(cluster, { ...plugin, metadata }, { force });
}

function settled(outcome: WaitOutcome): { result: Result; note?: string } {
  if (outcome.end === "running") return { result: "running" };
  const first = outcome.pods.find(({ standing }) => standing.kind !== "running");
  const note = first === undefined ? "" : `${first.pod.name} ${first.standing.reason}`.slice(0, 300);
  return { result: outcome.end === "interrupted" ? "interrupted" : "failed", note };
}

function failure(
  entry: Revision,
  outcome: WaitOutcome,
  { plugin, timeoutMillis }: { readonly plugin: string; readonly timeoutMillis: number },
): DeliveryError {
  const behind = outcome.pods.filter(({ standing }) => standing.kind !== "running").length;
  const count = `${behind} of ${outcome.pods.length} pods`;
  const pods = describeBehind(outcome.pods);
  const messages = {
    running: "",
    stuck: `revision ${entry.revision} of ${plugin} will not run on ${count}:\n${pods}`,
    timeout: `revision ${entry.revision} of ${plugin} does not run on ${count} after ${timeoutMillis / 1000} s (--timeout):\n${pods}`,
    interrupted: `interrupted: revision ${entry.revision} of ${plugin} is applied and Istio goes on delivering it; ${count} do not run it yet:\n${pods}`,
  };
  return new DeliveryError(
    messages[outcome.end],
    "tickgate rollback takes it back; tickgate status shows where it stands",
    entry.revision,
    outcome.end,
  );
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
