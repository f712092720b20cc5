import { defineCommand, type ParsedArgs } from "citty";
import { CliError, progress } from "../../../scripts/lib/cli.ts";
import { checkImageArgument, clusterArguments, parseLabels } from "../cluster/arguments.ts";
import { foreignFields, refuseForeignFields } from "../cluster/foreign-fields.ts";
import {
  applyPlugin,
  readPlugin,
  type FailStrategy,
  type WasmPlugin,
  type WasmPluginSpec,
} from "../cluster/plugins.ts";
import { renderPlugin, type PluginChanges } from "../cluster/render.ts";
import { goBack } from "../delivery/back.ts";
import {
  deliver,
  DeliveryError,
  refuseDuringRollout,
  type Delivered,
  type Delivery,
} from "../delivery/deliver.ts";
import { diffPlugins, pluginYaml } from "../delivery/diff.ts";
import { refuseMissingImage } from "../delivery/image.ts";
import { istiodArgument, openSession, type Session } from "../delivery/session.ts";
import { assertPluginConfig, readConfigFile, readManifest } from "../delivery/source.ts";
import { inWords } from "../delivery/superseded.ts";
import { emit, outputFormat } from "../output.ts";
import { describeCommand, refuseOption } from "../run.ts";
import { UsageError } from "../usage.ts";

const args = {
  ...clusterArguments,
  ...istiodArgument,
  image: { type: "string", description: "oci://REGISTRY/REPOSITORY@sha256:DIGEST" },
  config: { type: "string", description: "plugin configuration (JSON file)", valueHint: "FILE" },
  mode: {
    type: "string",
    description: "change only the mode of what is in the cluster: observe refuses nothing",
    valueHint: "enforce|observe",
  },
  manifest: {
    type: "string",
    description: "YAML with the WasmPlugin, as kustomize build prints it",
    valueHint: "FILE",
  },
  selector: {
    type: "string",
    description: "labels of the pods beside the track: app=trading-engine",
    valueHint: "LABELS",
  },
  "fail-strategy": {
    type: "string",
    description: "what requests get when the module can't be loaded or traps",
    valueHint: "FAIL_CLOSE|FAIL_OPEN|FAIL_RELOAD",
  },
  env: {
    type: "string",
    description: "variables of the VM, comma-separated: TICKGATE_COLD_START=pass",
    valueHint: "NAME=VALUE",
  },
  "pull-secret": { type: "string", description: "docker secret of the namespace, for the registry" },
  insecure: { type: "boolean", description: "a registry on this machine speaks plain HTTP" },
  "skip-image-check": { type: "boolean", description: "do not ask the registry for the image before" },
  "dry-run": { type: "boolean", description: "print what the API server would store; change nothing" },
  diff: { type: "boolean", description: "print how the cluster would change; change nothing" },
  "force-conflicts": { type: "boolean", description: "take over fields that others own" },
  "rollback-on-failure": { type: "boolean", description: "when it does not run everywhere, go back" },
} as const;

type Arguments = ParsedArgs<typeof args>;

/** `tickgate deploy`: applies the plugin and waits until every selected pod runs it. */
export const deploy = defineCommand({
  meta: describeCommand({
    name: "deploy",
    description: "Applies the plugin at once to all its pods, and waits until they run it",
    details:
      "What is not given stays as the manifest has it, else as it is in the cluster. The configuration is checked first;\n" +
      "what the filter would refuse is not sent. tickgate rollout does the same pod by pod.\n" +
      "--mode observe is the kill switch: the filter goes on counting and refuses nothing.\n\n" +
      "Exit code 0: every selected pod runs it, 1: not all of them do, or nothing was changed, 2: the command line is wrong.",
  }),
  args,
  async run({ args: values }) {
    const format = outputFormat(values.output);
    const given = await readGiven(values);
    const session = await openSession(values);
    const current = await readPlugin(session.cluster, values.name);
    const plugin = render(values, given, session, current);
    if (values["dry-run"] || values.diff) return preview(session, plugin, current, values);
    await refuseDuringRollout(session, values.name);
    if (!values["skip-image-check"]) await refuseMissingImage(plugin.spec, values.insecure === true);
    // The image was asked for, which takes a while: what others have changed since is not turned back.
    const again = (now: WasmPlugin | undefined): WasmPlugin => render(values, given, session, now);
    const basedOn = given.manifest === undefined ? again : undefined;
    const delivered = await deliverOrGoBack(session, { plugin, basedOn }, values);
    emit(format, delivered, describe);
  },
});

/** What the command line brings. */
interface Given {
  readonly manifest: WasmPluginSpec | undefined;
  readonly changes: PluginChanges;
  readonly mode: Mode | undefined;
}

type Mode = "enforce" | "observe";

/** Reads all that the line names: what is wrong with it is told before the cluster is asked for anything. */
async function readGiven(values: Arguments): Promise<Given> {
  const { manifest, config, image } = values;
  if (image !== undefined) checkImageArgument(image);
  return {
    mode: modeOf(values),
    manifest: manifest === undefined ? undefined : await readManifest(manifest, values.name),
    changes: {
      image,
      config: config === undefined ? undefined : await readConfigFile(config),
      failStrategy: values["fail-strategy"] === undefined ? undefined : failStrategy(values["fail-strategy"]),
      selector: values.selector === undefined ? undefined : parseLabels("selector", values.selector),
      env: values.env === undefined ? undefined : parseEnv(values.env),
      imagePullSecret: values["pull-secret"],
    },
  };
}

function modeOf({ mode, ...others }: Arguments): Mode | undefined {
  if (mode === undefined) return undefined;
  if (mode !== "enforce" && mode !== "observe") throw refuseOption("mode", mode, "enforce or observe");
  const other = (["image", "config", "manifest"] as const).find((name) => others[name] !== undefined);
  if (other === undefined) return mode;
  throw new UsageError(
    `--mode and --${other} exclude each other`,
    "--mode keeps image and configuration of the cluster and changes nothing but the mode",
  );
}

function render(
  values: Arguments,
  { manifest, changes, mode }: Given,
  { cluster }: Session,
  current: WasmPlugin | undefined,
): WasmPlugin {
  const at = { namespace: cluster.namespace, name: values.name };
  const base = manifest ?? current?.spec;
  if (mode !== undefined && base === undefined) {
    throw new CliError(
      `there is no WasmPlugin ${at.name} in namespace ${at.namespace} whose mode could be changed`,
      "--namespace and --name choose another; tickgate deploy --manifest makes the first one",
    );
  }
  const switched = mode === undefined ? {} : { config: { ...base?.pluginConfig, mode } };
  const plugin = renderPlugin(at, base, { ...changes, ...switched });
  assertPluginConfig(plugin.spec, values.config ?? values.manifest ?? "the configuration in the cluster");
  return plugin;
}

const failStrategies: readonly FailStrategy[] = ["FAIL_CLOSE", "FAIL_OPEN", "FAIL_RELOAD"];

function failStrategy(text: string): FailStrategy {
  const found = failStrategies.find((name) => name === text);
  if (found !== undefined) return found;
  throw new UsageError(`--fail-strategy ${text} is not one of ${failStrategies.join(", ")}`);
}

function parseEnv(text: string): Record<string, string> {
  const entries = text.split(",").map((pair) => {
    const at = pair.indexOf("=");
    if (at < 1) throw new UsageError(`--env ${text}: "${pair}" is not NAME=value`);
    return [pair.slice(0, at), pair.slice(at + 1)] as const;
  });
  return Object.fromEntries(entries);
}

/** Lets the API server merge and check without storing anything, and prints the result. */
async function preview(
  { cluster }: Session,
  plugin: WasmPlugin,
  current: WasmPlugin | undefined,
  values: Arguments,
): Promise<void> {
  const force = values["force-conflicts"] === true;
  const merged = await applyPlugin(cluster, plugin, { dryRun: true, force });
  const foreign = foreignFields(merged, plugin);
  if (!force) refuseForeignFields(plugin, foreign);
  const stored = foreign.length === 0 ? merged : { ...merged, spec: plugin.spec };
  const diff = diffPlugins(current, stored);
  const result = { changed: diff !== "", diff, plugin: stored };
  const nothing = `nothing would change in WasmPlugin ${cluster.namespace}/${values.name}`;
  emit(outputFormat(values.output), result, () => {
    if (!values.diff) return pluginYaml(stored).trimEnd();
    return diff === "" ? nothing : diff.trimEnd();
  });
}

async function deliverOrGoBack(
  session: Session,
  what: Pick<Delivery, "plugin" | "basedOn">,
  values: Arguments,
): Promise<Delivered> {
  const force = values["force-conflicts"] === true;
  try {
    return await deliver(session, { ...what, force });
  } catch (error) {
    if (!(error instanceof DeliveryError) || !values["rollback-on-failure"]) throw error;
    if (error.outcome === "interrupted") throw error;
    progress(`error: ${error.message}`);
    const back = await goBack(session, values.name, { force, from: error.applied });
    const now =
      back === "removed"
        ? "there was nothing to go back to, and the plugin is removed"
        : `all ${back.pods.length} pods run what they ran before (revision ${back.revision})`;
    throw new CliError(
      `${inWords(error.applied)} failed and was taken back: ${now}`,
      "tickgate history tells why",
    );
  }
}

function describe({ revision, image, configHash, pods }: Delivered): string {
  const where =
    pods.length === 0
      ? "no running pod with a sidecar is selected, so nothing could be verified"
      : `runs on ${pods.length} ${pods.length === 1 ? "pod" : "pods"}: ${pods.join(", ")}`;
  return `revision ${revision}: ${image}, configuration ${configHash}\n${where}`;
}
