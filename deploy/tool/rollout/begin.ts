import { CliError, progress } from "../../../scripts/lib/cli.ts";
import type { Cluster } from "../cluster/connect.ts";
import { clearForeignFields } from "../cluster/foreign-fields.ts";
import { applyPlugin, readPlugin, type WasmPlugin, type WasmPluginSpec } from "../cluster/plugins.ts";
import { setTrack, trackLabel, type Pod } from "../cluster/pods.ts";
import { pluginOf, renderPlugin } from "../cluster/render.ts";
import type { Session } from "../delivery/session.ts";
import { assertPluginConfig, readConfigFile } from "../delivery/source.ts";
import { createCanary, onTrack, sameForPods } from "./canary.ts";
import { podsOf } from "./cluster-port.ts";
import type { Plan } from "./plan.ts";
import { fingerprintOf, readStable } from "./stable.ts";
import type { RolloutState } from "./state.ts";
import { firstStepTakesAll, workloadsOf } from "./workloads.ts";

/** What a rollout changes. */
export interface Change {
  readonly image: string | undefined;
  /** Path of the configuration. */
  readonly config: string | undefined;
}

/** A rollout that could begin. */
export interface Prepared {
  readonly target: WasmPluginSpec;
  readonly pods: readonly Pod[];
  readonly state: RolloutState;
}

/** The spec that a change makes of the one in the cluster; a CliError when the filter would refuse its configuration. */
export async function targetOf(
  { cluster }: Session,
  plugin: string,
  { image, config }: Change,
): Promise<{ readonly stable: WasmPluginSpec; readonly target: WasmPluginSpec }> {
  const where = `WasmPlugin ${cluster.namespace}/${plugin}`;
  const stable = await readPlugin(cluster, plugin);
  if (stable === undefined)
    throw new CliError(
      `there is no ${where} to compare a new version with`,
      "tickgate deploy makes the first one",
    );
  if (stable.spec.selector?.matchLabels?.[trackLabel] !== "stable") {
    throw new CliError(
      `${where} does not select its pods by ${trackLabel}=stable, so that no pod can be taken from it`,
      "tickgate deploy without further changes adds that; the pods need the label",
    );
  }
  const { spec } = renderPlugin({ namespace: cluster.namespace, name: plugin }, stable.spec, {
    image,
    config: config === undefined ? undefined : await readConfigFile(config),
  });
  assertPluginConfig(spec, config ?? "the configuration in the cluster");
  return { stable: stable.spec, target: spec };
}

/**
 * Checks everything that can be known before anything is changed: that there are pods, and that the API server would
 * take the canary now and the stable plugin later. Undefined when the stable plugin already has all that.
 */
export async function prepare(
  session: Session,
  plugin: string,
  change: Change,
  options: { readonly plan: Plan; readonly force: boolean },
): Promise<Prepared | undefined> {
  const { cluster } = session;
  const { plan, force } = options;
  const { stable, target } = await targetOf(session, plugin, change);
  if (sameForPods(stable, target)) return undefined;
  const pods = await podsOf(session, stable);
  if (pods.length === 0) {
    throw new CliError(
      `no running pod with a sidecar in namespace ${cluster.namespace} is selected by ${plugin}`,
      `pods need the label ${trackLabel}=stable; tickgate doctor looks closer`,
    );
  }
  const phase = firstStepTakesAll(pods, plan) ? "baseline" : "moving";
  const id = new Date().toISOString();
  const state: RolloutState = { id, plan, original: fingerprintOf(stable), phase, step: 0 };
  await createCanary(cluster, plugin, target, { state, dryRun: true });
  const promoted = pluginOf({ namespace: cluster.namespace, name: plugin }, onTrack(target, "stable"));
  await assertPromotable(cluster, promoted, force);
  return { target, pods, state };
}

/** A CliError where the stable plugin could not get the new version, or would keep fields of others beside it. */
async function assertPromotable(cluster: Cluster, promoted: WasmPlugin, force: boolean): Promise<void> {
  // With `force` those fields are removed at the promotion, and not before.
  if (force) await applyPlugin(cluster, promoted, { dryRun: true, force });
  else await clearForeignFields(cluster, promoted, false);
}

/**
 * Makes the canary plugin: from here on the rollout is under way. To be called under the claim; a CliError when the stable
 * plugin is not what it was when the rollout was prepared.
 */
export async function begin(
  session: Session,
  plugin: string,
  { target, state }: Prepared,
): Promise<WasmPluginSpec> {
  const { has, change } = await readStable(session.cluster, plugin, { original: state.original, target });
  if (has !== "original") {
    throw new CliError(
      `WasmPlugin ${session.cluster.namespace}/${plugin} was changed a moment ago: ${change}`,
      "run the rollout again: it then begins from that",
    );
  }
  const pods = await podsOf(session, target);
  const workloads = workloadsOf(pods);
  if (workloads.size > 1) {
    const counts = [...workloads].map(([name, count]) => `${name === "" ? "none" : name} (${count} pods)`);
    progress(
      `each application gives its part of every step and is compared with itself: ${counts.join(", ")}`,
    );
  }
  for (const pod of pods.filter(({ labels }) => labels[trackLabel] === "canary")) {
    progress(
      `pod ${pod.name} was left on the canary track by something else and has no plugin: back to stable`,
    );
    await setTrack(session.cluster, pod, "stable");
  }
  const canary = await createCanary(session.cluster, plugin, target, { state });
  return canary.spec;
}
