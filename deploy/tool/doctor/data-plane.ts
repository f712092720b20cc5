import { lasting, type StandingKind } from "../dataplane/standing.ts";
import { survey, type SurveyedPod } from "../dataplane/survey.ts";
import { fine, problem, warning, type Finding } from "./finding.ts";
import type { Subject } from "./subject.ts";

/** Whether the pods run what is deployed, by their own account: the control plane takes much for done that is not. */
export async function checkDataPlane({ cluster, access, current, name }: Subject): Promise<Finding[]> {
  if (current === undefined) return [];
  const { spec } = current;
  const expected = { namespace: cluster.namespace, name, spec };
  const pods = await survey({ cluster, access, expected });
  // Told with the pods: there is no proxy to ask.
  const read = pods.filter(({ standing }) => standing.kind !== "unreachable");
  const behind = read.filter(({ standing }) => standing.kind !== "running");
  if (behind.length > 0) return behind.map(judge);
  const count = `${read.length} ${read.length === 1 ? "pod runs" : "pods run"}`;
  return read.length === 0 ? [] : [fine(`WasmPlugin ${cluster.namespace}/${name}`, `${count} it as it is`)];
}

const again =
  "once the registry has the image, tickgate deploy sends the plugin again; tickgate rollback goes back";

const nexts: Readonly<Partial<Record<StandingKind, string>>> = {
  denying: again,
  bypassed: again,
  refused: "tickgate rollback, or deploy what the filter takes",
  cold: "tickgate deploy --config with a configuration that the filter takes",
  unlabelled: "restart the pod once its template has the annotations of deploy/components/trading-pods",
  unreferenced: "tickgate deploy sends the plugin again",
};

function judge({ pod, standing }: SurveyedPod): Finding {
  const object = `pod ${pod.namespace}/${pod.name}`;
  const next = nexts[standing.kind] ?? "it may be under way: tickgate status, and is istiod healthy?";
  const lasts = lasting.has(standing.kind) || standing.kind === "unreferenced";
  return (lasts ? problem : warning)(object, standing.reason, next);
}
