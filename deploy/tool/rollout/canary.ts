import { isDeepStrictEqual } from "node:util";
import { CliError } from "../../../scripts/lib/cli.ts";
import { canaryName, findCanary } from "../cluster/canaries.ts";
import type { Cluster } from "../cluster/connect.ts";
import { annotatePlugin, applyPlugin, type WasmPlugin, type WasmPluginSpec } from "../cluster/plugins.ts";
import { trackLabel, type Track } from "../cluster/pods.ts";
import { pluginOf } from "../cluster/render.ts";
import { decodeState, encodeState, stateAnnotation, type RolloutState } from "./state.ts";
import type { Requests } from "./port.ts";

/** Annotations by which another process speaks to the one that drives the rollout. */
const approvedAnnotation = "tickgate.dev/rollout-approved";
const abortAnnotation = "tickgate.dev/rollout-abort";

/** A rollout as the cluster knows it. */
export interface UnderWay {
  readonly canary: WasmPlugin;
  readonly state: RolloutState;
  readonly requests: Requests;
}

/** The rollout of a plugin; undefined when none is under way. A CliError for a canary plugin that is not ours. */
export async function readRollout(cluster: Cluster, plugin: string): Promise<UnderWay | undefined> {
  const canary = await findCanary(cluster, plugin);
  if (canary === undefined) return undefined;
  const where = `WasmPlugin ${cluster.namespace}/${canary.metadata.name}`;
  const { annotations = {} } = canary.metadata;
  const text = annotations[stateAnnotation];
  if (text === undefined) {
    throw new CliError(
      `${where} was not made by a rollout`,
      "see who made it (kubectl get -o yaml --show-managed-fields) and delete it, or choose another --name",
    );
  }
  const approved = annotations[approvedAnnotation];
  const abort = annotations[abortAnnotation];
  const requests = {
    ...(approved === undefined ? {} : { approved }),
    ...(abort === undefined ? {} : { abort }),
  };
  return { canary, state: decodeState(text, where), requests };
}

/** The plugin for a track with what another has. */
export function onTrack(spec: WasmPluginSpec, track: Track): WasmPluginSpec {
  return { ...spec, selector: { matchLabels: { ...spec.selector?.matchLabels, [trackLabel]: track } } };
}

/** Whether pods of both get the same, whichever pods that are. */
export function sameForPods(a: WasmPluginSpec, b: WasmPluginSpec): boolean {
  return isDeepStrictEqual(onTrack(a, "stable"), onTrack(b, "stable"));
}

/** Creates the canary plugin together with its state: from here on a rollout is under way. */
export async function createCanary(
  cluster: Cluster,
  plugin: string,
  target: WasmPluginSpec,
  options: { readonly state: RolloutState; readonly dryRun?: boolean },
): Promise<WasmPlugin> {
  const bare = pluginOf(
    { namespace: cluster.namespace, name: canaryName(plugin, options.state.id) },
    onTrack(target, "canary"),
  );
  const annotations = { ...bare.metadata.annotations, [stateAnnotation]: encodeState(options.state) };
  const canary = { ...bare, metadata: { ...bare.metadata, annotations } };
  return applyPlugin(cluster, canary, { dryRun: options.dryRun === true });
}

/** Writes the state into the canary plugin. */
export async function saveState(cluster: Cluster, plugin: string, state: RolloutState): Promise<void> {
  await annotatePlugin(cluster, canaryName(plugin, state.id), { [stateAnnotation]: encodeState(state) });
}

/** Lets the driver of the rollout go on after the step that this approval is for. */
export async function approve(cluster: Cluster, canary: WasmPlugin, approval: string): Promise<void> {
  await annotatePlugin(cluster, canary.metadata.name, { [approvedAnnotation]: approval });
}

/** Asks the driver of the rollout, whoever that is, to take it back. */
export async function requestAbort(cluster: Cluster, canary: WasmPlugin, reason: string): Promise<void> {
  await annotatePlugin(cluster, canary.metadata.name, { [abortAnnotation]: reason });
}
