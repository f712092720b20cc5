import { CliError } from "../../../scripts/lib/cli.ts";
import { histogramNames, labelsOf, meshTags } from "../../../scripts/lib/stats-settings.ts";
import { findCanary } from "../cluster/canaries.ts";
import { ApiError } from "../cluster/failures.ts";
import {
  asPod,
  backToStable,
  carries,
  isRunning,
  listPodObjects,
  sidecarOf,
  trackLabel,
  withoutTrack,
  type PodObject,
} from "../cluster/pods.ts";
import { bootstrapPath, readStatsBootstrap, type StatsBootstrap } from "../dataplane/config-dump.ts";
import { mapLimited } from "../dataplane/survey.ts";
import { parseJson } from "../json.ts";
import { fine, problem, warning, type Finding } from "./finding.ts";
import type { Subject } from "./subject.ts";

const concurrency = 10;
const oldestEnvoyMinor = 33;
const component =
  "deploy/components/trading-pods has the annotations; npm run stats-settings -- --config FILE prints them for a configuration";

/** Whether pods are selected, have sidecars, and were started with what the filter's metrics need. */
export async function checkPods(subject: Subject): Promise<Finding[]> {
  const { cluster, selector } = subject;
  const [objects, canary] = await Promise.all([
    listPodObjects(cluster, withoutTrack(selector)),
    canarySelector(subject),
  ]);
  const all = objects.filter(isRunning);
  const selected = all.filter(({ metadata }) => carries(metadata.labels, selector));
  const injected = selected.filter((pod) => sidecarOf(pod) !== undefined);
  const others = all.filter((pod) => sidecarOf(pod) !== undefined && !selected.includes(pod));
  const findings = [
    ...selectionFindings(subject, injected),
    ...selected.filter((pod) => !injected.includes(pod)).map(withoutSidecar),
    ...others.flatMap((pod) => unselected(pod, canary)),
  ];
  const read = await mapLimited(injected, concurrency, (pod) => checkPod(subject, pod));
  return [...findings, ...read.flat()];
}

type Labels = Readonly<Record<string, string>>;

/** What the canary of a rollout under way selects; undefined without one, `unknown` without the right to see it. */
async function canarySelector({ cluster, name }: Subject): Promise<Labels | "unknown" | undefined> {
  try {
    const canary = await findCanary(cluster, name);
    return canary && (canary.spec.selector?.matchLabels ?? {});
  } catch (error) {
    // Both are reported by other checks: the right, and the CRD.
    if (error instanceof ApiError && error.status === 403) return "unknown";
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

function nameOf({ metadata }: PodObject): string {
  return `pod ${metadata.namespace}/${metadata.name}`;
}

function selectionFindings({ cluster, selector }: Subject, injected: readonly PodObject[]): Finding[] {
  const labels = Object.entries(selector).map(([key, value]) => `${key}=${value}`);
  const object = `pods of ${cluster.namespace}`;
  if (injected.length > 0)
    return [fine(object, `${injected.length} with a sidecar carry ${labels.join(",")}`)];
  return [
    problem(
      object,
      `no running pod with a sidecar carries ${labels.join(",")}`,
      `label the pod template ${trackLabel}: stable (deploy/components/trading-pods), and see that Istio injects the namespace`,
    ),
  ];
}

function withoutSidecar(pod: PodObject): Finding {
  return problem(
    nameOf(pod),
    "has no sidecar (no container istio-proxy): its traffic passes no filter",
    "label the namespace istio-injection=enabled (or istio.io/rev), and restart the pod",
  );
}

/** A pod of the application with a sidecar, which the stable plugin does not select. */
function unselected(pod: PodObject, canary: Labels | "unknown" | undefined): Finding[] {
  const { labels } = pod.metadata;
  const track = labels?.[trackLabel];
  if (track === undefined) {
    return [
      warning(
        nameOf(pod),
        `has a sidecar and no label ${trackLabel}: no plugin selects it, its traffic passes unfiltered`,
        `if it should be filtered: label its pod template ${trackLabel}: stable`,
      ),
    ];
  }
  if (canary === "unknown" || (canary !== undefined && carries(labels, canary))) return [];
  return [
    problem(
      nameOf(pod),
      `no plugin selects it (${trackLabel}=${track}): its traffic passes unfiltered, and a deploy does not reach it`,
      backToStable(pod.metadata),
    ),
  ];
}

async function checkPod(subject: Subject, pod: PodObject): Promise<Finding[]> {
  const object = nameOf(pod);
  try {
    const [info, bootstrap] = await Promise.all([
      subject.access.get(asPod(pod), "admin", "/server_info"),
      subject.access.get(asPod(pod), "admin", bootstrapPath),
    ]);
    const wrong = [
      ...versionFindings(object, info),
      ...statsFindings(subject, object, pod, readStatsBootstrap(bootstrap)),
    ];
    const version = envoyVersion(info);
    return wrong.length > 0
      ? wrong
      : [fine(object, `Envoy ${version ?? "?"}, with the filter's tags and buckets`)];
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return [
      problem(object, `its proxy can't be read: ${error.message}`, error.hint ?? "is the pod healthy?"),
    ];
  }
}

function envoyVersion(serverInfo: string): string | undefined {
  const { version = "" } = parseJson<{ version?: string }>(serverInfo);
  return /\/(\d+\.\d+\.\d+)/.exec(version)?.[1];
}

function versionFindings(object: string, serverInfo: string): Finding[] {
  const version = envoyVersion(serverInfo);
  const minor = Number(version?.split(".")[1]);
  if (version === undefined || minor >= oldestEnvoyMinor) return [];
  return [
    problem(
      object,
      `its sidecar is Envoy ${version}`,
      `the filter needs Envoy 1.${oldestEnvoyMinor}: restart the pod under a newer Istio`,
    ),
  ];
}

/** Tags and buckets are read when a proxy starts, so that what counts is its bootstrap and not the annotations. */
function statsFindings(
  { config }: Subject,
  object: string,
  pod: PodObject,
  { tags, bucketPrefixes, keepsUpdates }: StatsBootstrap,
): Finding[] {
  const labels = labelsOf(config);
  const findings: Finding[] = [];
  const missing = labels.filter((label) => !tags.includes(label));
  if (missing.length > 0) {
    const annotated = annotatedTags(pod);
    const late = missing.every((label) => annotated.includes(label));
    findings.push(
      problem(
        object,
        `was started without the tags ${missing.join(", ")}: these labels end up inside metric names`,
        late ? "its annotations have them by now: restart the pod" : `${component}; then restart the pod`,
      ),
    );
  }
  const foreign = tags.filter((tag) => !labels.includes(tag) && !meshTags.includes(tag));
  const clashes = foreign.filter((tag) => labels.some((label) => label.endsWith(tag) || tag.endsWith(label)));
  if (clashes.length > 0) {
    findings.push(
      problem(
        object,
        `extracts the tags ${clashes.join(", ")}, which end like labels of the filter: values get mixed up`,
        "rename the filter's label, or take the tag out of extraStatTags, and restart the pod",
      ),
    );
  }
  if (!keepsUpdates) {
    findings.push(
      warning(
        object,
        "keeps no statistics of extension_config_discovery: a refused module of the same version and configuration would not be seen",
        `${component}; then restart the pod`,
      ),
    );
  }
  const bare = histogramNames.filter((name) => !bucketPrefixes.some((prefix) => name.startsWith(prefix)));
  if (bare.length > 0) {
    findings.push(
      warning(
        object,
        `has Envoy's default buckets for ${bare.join(", ")}: bounds made for milliseconds`,
        `${component}; then restart the pod`,
      ),
    );
  }
  return findings;
}

function annotatedTags({ metadata }: PodObject): string[] {
  const annotations = metadata.annotations ?? {};
  const list = annotations["sidecar.istio.io/extraStatTags"] ?? "";
  // A YAML list inside an annotation: each label is a word of it.
  const proxyConfig = annotations["proxy.istio.io/config"] ?? "";
  return [...list.split(","), ...proxyConfig.split(/[^a-z0-9_]+/)].map((tag) => tag.trim());
}
