import { basename } from "node:path";
import { CliError } from "../../../scripts/lib/cli.ts";
import { sleep } from "../../../scripts/lib/process.ts";
import { ApiError } from "../cluster/failures.ts";
import { clearForeignFields } from "../cluster/foreign-fields.ts";
import { readHistory, recordRevision, settleRevision, type Result } from "../cluster/history.ts";
import { applyPlugin, deletePlugin, readPlugin, type WasmPluginSpec } from "../cluster/plugins.ts";
import { listPods, setTrack, trackLabel, type Pod, type Track } from "../cluster/pods.ts";
import { pluginOf } from "../cluster/render.ts";
import { lasting, standingOf, type Expectation } from "../dataplane/standing.ts";
import { readPodState } from "../dataplane/state.ts";
import { mapLimited } from "../dataplane/survey.ts";
import { nacksIfTold } from "../dataplane/syncz.ts";
import { inPlaceOf } from "../delivery/deliver.ts";
import type { Session } from "../delivery/session.ts";
import type { MetricsSource } from "../metrics/source.ts";
import { onTrack, readRollout, sameForPods, saveState } from "./canary.ts";
import type { Claim } from "./claim.ts";
import type { PodReport, Requests, RolloutPort } from "./port.ts";
import { readStable, type Fingerprint } from "./stable.ts";
import { historyTag, type RolloutState } from "./state.ts";

/** What the port works with. */
export interface ClusterPortOptions {
  readonly session: Session;
  /** Name of the stable plugin. */
  readonly plugin: string;
  /** Name of the canary plugin. */
  readonly canary: string;
  /** What it has. */
  readonly target: WasmPluginSpec;
  /** What the stable plugin had when the rollout began. */
  readonly original: Fingerprint;
  readonly metrics: MetricsSource;
  readonly claim: Claim;
  /** Who the history names. */
  readonly by: string;
  /** Takes fields that others own. */
  readonly force: boolean;
  readonly signal: AbortSignal;
}

const readersAtOnce = 10;

/** The real cluster behind a rollout. */
export function clusterPort(options: ClusterPortOptions): RolloutPort {
  const { session, plugin, canary, target, claim } = options;
  const { cluster } = session;
  return {
    metrics: options.metrics,
    now: () => Date.now(),
    sleep: (millis) => sleep(millis, options.signal),
    pods: () => podsOf(session, target),
    report: (pods) => report(options, pods),
    stable: () => readStable(cluster, plugin, { original: options.original, target }),
    async requests(): Promise<Requests> {
      await claim.held();
      const underWay = await readRollout(cluster, plugin);
      if (underWay !== undefined) return underWay.requests;
      throw new CliError(
        `WasmPlugin ${cluster.namespace}/${canary} is gone: somebody deleted it during the rollout`,
        `label the pods back: kubectl label pods -n ${cluster.namespace} -l ${trackLabel}=canary --overwrite ${trackLabel}=stable`,
      );
    },
    async save(state) {
      await claim.held();
      await saveState(cluster, plugin, state);
    },
    move: (pods, to) => move(options, pods, to),
    promote: (state) => promote(options, state),
    async finish(state, result, reason) {
      await claim.held();
      await note(options, state, result === "promoted" ? "running" : result, reason);
      await deletePlugin(cluster, canary);
    },
  };
}

/** The running pods that the plugin or its canary selects. */
export async function podsOf({ cluster }: Session, spec: WasmPluginSpec): Promise<readonly Pod[]> {
  const { [trackLabel]: _track, ...labels } = spec.selector?.matchLabels ?? {};
  const pods = await listPods(cluster, labels);
  return pods.filter(({ labels: { [trackLabel]: track } }) => track === "stable" || track === "canary");
}

async function report(
  { session, plugin, canary, target }: ClusterPortOptions,
  pods: readonly Pod[],
): Promise<ReadonlyMap<string, PodReport>> {
  const { cluster, access, istiod } = session;
  const stable = await readPlugin(cluster, plugin);
  const expected: Record<Track, Expectation> = {
    stable: { namespace: cluster.namespace, name: plugin, spec: stable?.spec ?? target },
    canary: { namespace: cluster.namespace, name: canary, spec: target },
  };
  const nacks = await nacksIfTold(istiod);
  const reports = await mapLimited(pods, readersAtOnce, async (pod) => {
    const track = pod.labels[trackLabel] === "canary" ? "canary" : "stable";
    const expectation = expected[track];
    if (track === "stable" && stable === undefined) return noStable;
    try {
      const state = await readPodState(access, pod, [expectation.name]);
      const { kind, reason } = standingOf(state, expectation, nacks.get(`${pod.name}.${pod.namespace}`));
      const seen = state.plugins.find(({ name }) => name === expectation.name);
      const module = seen?.code === undefined ? {} : { module: basename(seen.code) };
      return { standing: standingIn(kind), reason, ...module };
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      return { standing: "coming" as const, reason: `can't be read: ${error.message}` };
    }
  });
  return new Map(pods.map(({ name }, index) => [name, reports[index] ?? unread]));
}

/** A pod can't run what is not there any more; that it is not is for `stable()` to tell. */
const noStable: PodReport = { standing: "running", reason: "has no plugin" };

const unread: PodReport = { standing: "coming", reason: "was not read" };

function standingIn(kind: ReturnType<typeof standingOf>["kind"]): PodReport["standing"] {
  if (kind === "running") return "running";
  // The agent has given up by then, and requests are refused or pass unfiltered.
  if (kind === "denying" || kind === "bypassed") return "failed";
  return lasting.has(kind) ? "suspect" : "coming";
}

async function move(
  { session, claim }: ClusterPortOptions,
  pods: readonly Pod[],
  to: Track,
): Promise<ReadonlyMap<string, string>> {
  const refused = new Map<string, string>();
  await mapLimited(pods, readersAtOnce, async (pod) => {
    await claim.held();
    try {
      await setTrack(session.cluster, pod, to);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      // One that is not there has gone away in the meantime; its successor is seen at the next look.
      if (!error.isMissingObject) refused.set(pod.name, error.message);
    }
  });
  return refused;
}

async function promote(options: ClusterPortOptions, state: RolloutState): Promise<void> {
  const { session, plugin, target, original, force, claim } = options;
  const { cluster } = session;
  await claim.held();
  const before = await readStable(cluster, plugin, { original, target });
  // Somebody was faster: the next look tells.
  if (before.plugin === undefined || before.has === "other") return;
  const promoted = pluginOf({ namespace: cluster.namespace, name: plugin }, onTrack(target, "stable"));
  try {
    const cleared = await clearForeignFields(cluster, inPlaceOf(before.plugin, promoted), force);
    const { spec } = await applyPlugin(cluster, inPlaceOf(cleared ?? before.plugin, promoted), { force });
    if (sameForPods(spec, target))
      await note(options, state, "applied", `rollout ${state.plan.steps.join(", ")} %`);
  } catch (error) {
    if (!(error instanceof ApiError) || !error.isStale) throw error;
  }
}

/** Writes what became of the rollout into the history; once, however often it is called. */
async function note(
  { session, plugin, target, by }: ClusterPortOptions,
  state: RolloutState,
  result: Result,
  text: string,
): Promise<void> {
  const { cluster } = session;
  const tag = historyTag(state);
  const entry = { result, note: `${tag} ${text}`.slice(0, 1000) };
  const known = (await readHistory(cluster, plugin)).find(({ note: written }) => written?.startsWith(tag));
  if (known === undefined)
    await recordRevision(cluster, plugin, { spec: onTrack(target, "stable"), by, ...entry });
  else await settleRevision(cluster, plugin, known.revision, entry);
}
