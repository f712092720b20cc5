import { resources } from "../../../deploy/tool/cluster/resources.ts";
import { trackLabel } from "../../../deploy/tool/cluster/pods.ts";
import { namespace, type ApiServer } from "./api-server.ts";

/** The workload of every pod: its `app` label, its service account, and its service's name. */
export const workload = "trading-engine";

/** The node of every pod. */
export const node = "node-0";

/** Labels of a pod as its template would give them, and the one by which a StatefulSet tells its pods apart. */
export function labelsOfPod(name: string): Record<string, string> {
  return { app: workload, [trackLabel]: "stable", [podNameLabel]: name };
}

const podNameLabel = "statefulset.kubernetes.io/pod-name";
const networking = "networking.istio.io";
const sidecars = { group: networking, version: "v1", plural: "sidecars" };

/** Creates what the pods share: service account, service (plain HTTP on `inboundPort` of each), no mutual TLS. */
export async function createWorkload(api: ApiServer, inboundPort: number): Promise<void> {
  await api.create("serviceaccounts", { metadata: { name: workload, namespace } }, "v1", "");
  const metadata = { name: workload, namespace };
  const plain = { kind: "PeerAuthentication", metadata, spec: { mtls: { mode: "DISABLE" } } };
  await api.create("peerauthentications", plain, "v1", "security.istio.io");
  const spec = {
    hosts: [`${workload}.${namespace}.svc.cluster.local`],
    location: "MESH_INTERNAL",
    resolution: "STATIC",
    ports: [{ number: 8080, name: "http", protocol: "HTTP", targetPort: inboundPort }],
    workloadSelector: { labels: { app: workload } },
  };
  await api.create("serviceentries", { kind: "ServiceEntry", metadata, spec }, "v1", networking);
}

/** Where a pod is, and where its two ends of the wire are. */
export interface PodPlace {
  readonly name: string;
  /** A loopback address of its own: istiod tells proxies apart by it. */
  readonly address: string;
  readonly inboundPort: number;
  readonly appPort: number;
}

/** Creates a Pod object as the kubelet leaves it once the pod runs. */
export async function createPodObject(
  api: ApiServer,
  { name, address }: Pick<PodPlace, "name" | "address">,
): Promise<void> {
  const containers = ["app", "istio-proxy"].map((container) => ({ name: container, image: "none" }));
  const spec = { serviceAccountName: workload, nodeName: node, containers };
  await api.create("pods", { metadata: { name, namespace, labels: labelsOfPod(name) }, spec }, "v1", "");
  const status = {
    phase: "Running",
    podIP: address,
    podIPs: [{ ip: address }],
    conditions: [{ type: "Ready", status: "True" }],
  };
  await api.admin.request({
    verb: "patch",
    resource: { ...resources.pods, plural: `pods/${name}/status` },
    namespace,
    contentType: "application/merge-patch+json",
    body: { status },
  });
}

/** Creates a pod, and has istiod give its proxy a listener at its address. */
export async function createPod(api: ApiServer, place: PodPlace): Promise<void> {
  await createPodObject(api, place);
  const { name, address, inboundPort, appPort } = place;
  // Without iptables listeners have real ports. Left to itself istiod binds them to an address of the machine's, if it has
  // any besides loopback, and outbound ones to ports of their services.
  const ingress = {
    port: { number: inboundPort, protocol: "HTTP", name: "http" },
    bind: address,
    captureMode: "NONE",
    defaultEndpoint: `127.0.0.1:${appPort}`,
  };
  const sidecar = {
    workloadSelector: { labels: { [podNameLabel]: name } },
    ingress: [ingress],
    egress: [{ hosts: ["~/*"] }],
  };
  const body = { kind: "Sidecar", metadata: { name, namespace }, spec: sidecar };
  await api.create("sidecars", body, "v1", networking);
}

/** Takes the objects of a pod away, as the kubelet does once it has ended. */
export async function deletePod(api: ApiServer, name: string): Promise<void> {
  const now = { gracePeriodSeconds: 0 };
  await api.admin.request({ verb: "delete", resource: resources.pods, namespace, name, body: now });
  await api.admin.request({ verb: "delete", resource: sidecars, namespace, name });
}
