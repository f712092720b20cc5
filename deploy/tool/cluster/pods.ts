import type { Cluster } from "./connect.ts";
import { ApiError } from "./failures.ts";
import { resources } from "./resources.ts";

/** The label that says which plugin a pod gets: the stable one, or during a rollout the canary. */
export const trackLabel = "tickgate.dev/track";

/** Which plugin a pod gets. */
export type Track = "stable" | "canary";

/** The labels of an application's pods, whichever track they are on, from those that a plugin selects. */
export function withoutTrack(labels: Readonly<Record<string, string>>): Record<string, string> {
  const { [trackLabel]: _track, ...own } = labels;
  return own;
}

/** Whether an object with `labels` is selected by `wanted`; everything is selected by none. */
export function carries(
  labels: Readonly<Record<string, string>> | undefined,
  wanted: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(wanted).every(([key, value]) => labels?.[key] === value);
}

/** The command that brings a pod of another track to the stable plugin. */
export function backToStable({ namespace, name }: Pick<Pod, "namespace" | "name">): string {
  return `kubectl label pod -n ${namespace} ${name} --overwrite ${trackLabel}=stable`;
}

/** A pod with a sidecar, as far as the tool cares. */
export interface Pod {
  readonly namespace: string;
  readonly name: string;
  /** status.podIP */
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ready: boolean;
  /** The application: the name of the Deployment, StatefulSet or whatever made it, else a label's; absent where nothing tells. */
  readonly workload?: string;
}

/** A Pod object of the API server, the parts that are read. */
export interface PodObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly {
      readonly kind: string;
      readonly name: string;
      readonly controller?: boolean;
    }[];
    readonly deletionTimestamp?: string;
    readonly creationTimestamp?: string;
  };
  readonly spec?: {
    readonly containers?: readonly ContainerObject[];
    readonly initContainers?: readonly ContainerObject[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

interface PodPage {
  readonly items: readonly PodObject[];
  readonly metadata?: { readonly continue?: string };
}

interface ContainerObject {
  readonly name: string;
  readonly image?: string;
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
}

const sidecarName = "istio-proxy";

/** The sidecar's container, a native sidecar (an init container) included; undefined when the pod has none. */
export function sidecarOf(pod: PodObject): ContainerObject | undefined {
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  return containers.find(({ name }) => name === sidecarName);
}

/** Whether a pod runs and is not on its way out. */
export function isRunning(pod: PodObject): boolean {
  return (
    pod.status?.phase === "Running" &&
    pod.metadata.deletionTimestamp === undefined &&
    pod.status.podIP !== undefined
  );
}

// A Pod object has several kB: a page arrives well within the time of one request.
const objectsPerPage = 250;

/** All Pod objects of the namespace with these labels, in whatever state, by name; read page by page. */
export async function listPodObjects(
  cluster: Cluster,
  labels: Readonly<Record<string, string>>,
  pageSize = objectsPerPage,
): Promise<PodObject[]> {
  const selector = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  const query = {
    limit: String(pageSize),
    ...(selector.length > 0 ? { labelSelector: selector.join(",") } : {}),
  };
  const objects = await readPages(cluster, query).catch((error: unknown) => {
    // The API server keeps what a list began with for some minutes only.
    if (error instanceof ApiError && error.status === 410) return readPages(cluster, query);
    throw error;
  });
  return objects.toSorted((a, b) => a.metadata.name.localeCompare(b.metadata.name, "en"));
}

async function readPages(cluster: Cluster, query: Readonly<Record<string, string>>): Promise<PodObject[]> {
  const objects: PodObject[] = [];
  let next: Record<string, string> = {};
  for (;;) {
    const { items, metadata } = await cluster.request<PodPage>({
      verb: "list",
      resource: resources.pods,
      namespace: cluster.namespace,
      query: { ...query, ...next },
    });
    objects.push(...items);
    const token = metadata?.continue ?? "";
    if (token === "") return objects;
    next = { continue: token };
  }
}

/** The running pods of the namespace that have a sidecar and carry all of these labels, by name. */
export async function listPods(cluster: Cluster, labels: Readonly<Record<string, string>>): Promise<Pod[]> {
  const objects = await listPodObjects(cluster, labels);
  return objects.filter((pod) => isRunning(pod) && sidecarOf(pod) !== undefined).map(asPod);
}

/** The tool's view of a Pod object. */
export function asPod(pod: PodObject): Pod {
  const workload = workloadOf(pod);
  return {
    ...(workload === undefined ? {} : { workload }),
    namespace: pod.metadata.namespace,
    name: pod.metadata.name,
    address: pod.status?.podIP ?? "",
    labels: pod.metadata.labels ?? {},
    ready: pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false,
  };
}

/** A Deployment makes its pods through ReplicaSets, whose names end in the hash that the pods have as a label. */
function workloadOf({ metadata }: PodObject): string | undefined {
  const { labels = {}, ownerReferences = [] } = metadata;
  const owner = ownerReferences.find(({ controller }) => controller === true);
  if (owner === undefined) return labels["app.kubernetes.io/name"] ?? labels["app"];
  const hash = labels["pod-template-hash"] ?? labels["rollouts-pod-template-hash"];
  const isOfHash = owner.kind === "ReplicaSet" && hash !== undefined && owner.name.endsWith(`-${hash}`);
  return isOfHash ? owner.name.slice(0, -hash.length - 1) : owner.name;
}

/** Moves a pod to a track by its label; istiod sends it that track's plugin. Doing it twice changes nothing. */
export async function setTrack(cluster: Cluster, pod: Pod, track: Track): Promise<void> {
  await cluster.request({
    verb: "patch",
    resource: resources.pods,
    namespace: pod.namespace,
    name: pod.name,
    contentType: "application/merge-patch+json",
    body: { metadata: { labels: { [trackLabel]: track } } },
  });
}
