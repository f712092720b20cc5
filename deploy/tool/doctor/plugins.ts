import { isCanaryOf } from "../cluster/canaries.ts";
import { ApiError } from "../cluster/failures.ts";
import { fieldManager, listPlugins, type WasmPlugin } from "../cluster/plugins.ts";
import { carries, listPods, trackLabel, type Pod } from "../cluster/pods.ts";
import { pluginName } from "../cluster/render.ts";
import { fine, problem, warning, type Finding } from "./finding.ts";
import type { Subject } from "./subject.ts";

/** Whether other plugins meet ours in the same pods, and who else writes ours. */
export async function checkPlugins(subject: Subject): Promise<Finding[]> {
  const { cluster, selector } = subject;
  const [pods, others] = await Promise.all([listPods(cluster, selector), otherPlugins(subject)]);
  const found = others.flatMap((plugin) => judgeOther(plugin, pods, subject));
  const owners = subject.current === undefined ? [] : checkOwners(subject.current);
  const wrong = [...found, ...owners];
  return wrong.length > 0 ? wrong : [fine("WasmPlugins", "no other plugin counts in the same metrics")];
}

async function otherPlugins({ cluster, name, istioNamespace }: Subject): Promise<WasmPlugin[]> {
  const own = await listPlugins(cluster, cluster.namespace);
  const others = own.filter(({ metadata }) => metadata.name !== name && !isCanaryOf(name, metadata.name));
  if (istioNamespace === cluster.namespace) return others;
  try {
    return [...others, ...(await listPlugins(cluster, istioNamespace))];
  } catch (error) {
    // Reported with the rights.
    if (error instanceof ApiError && error.status === 403) return others;
    throw error;
  }
}

function judgeOther(plugin: WasmPlugin, pods: readonly Pod[], { spec }: Subject): Finding[] {
  const object = `WasmPlugin ${plugin.metadata.namespace}/${plugin.metadata.name}`;
  const met = pods.filter(({ labels }) => carries(labels, plugin.spec.selector?.matchLabels ?? {}));
  if (met.length === 0) return [];
  const same =
    plugin.spec.pluginName === pluginName ||
    (spec !== undefined && repositoryOf(plugin.spec.url) === repositoryOf(spec.url));
  if (same) {
    return [
      problem(
        object,
        `is Tickgate too and selects ${met.length} of the same pods: metrics are counted twice, quotas charged twice`,
        `let it select a track of its own (${trackLabel}), or remove one of the two`,
      ),
    ];
  }
  const ahead =
    spec !== undefined &&
    plugin.spec.phase === spec.phase &&
    (plugin.spec.priority ?? 0) > (spec.priority ?? 0);
  return ahead
    ? [
        warning(
          object,
          "runs before Tickgate in the same phase: what it answers itself is charged to no quota",
          "lower its priority, or raise Tickgate's in the manifest",
        ),
      ]
    : [];
}

function repositoryOf(url: string): string {
  return url.replace(/@.*$/, "");
}

/** Managers that own fields of the spec besides us: a deploy that changes such a field is refused. */
function checkOwners({ metadata }: WasmPlugin): Finding[] {
  const owners = (metadata.managedFields ?? []).filter(
    ({ manager, fieldsV1 }) =>
      manager !== fieldManager && typeof fieldsV1 === "object" && fieldsV1 !== null && "f:spec" in fieldsV1,
  );
  return owners.map(({ manager = "unknown" }) =>
    warning(
      `WasmPlugin ${metadata.namespace}/${metadata.name}`,
      `${manager} owns fields of its spec: a deploy that changes them is refused`,
      "let one tool own the plugin; tickgate deploy --force-conflicts takes the fields over",
    ),
  );
}
