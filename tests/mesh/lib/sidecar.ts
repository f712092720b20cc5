import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { provisionEnvoy } from "../../../scripts/lib/provision/envoy.ts";
import { istioSource, provisionPilotAgent } from "../../../scripts/lib/provision/istio.ts";
import { ownMounts } from "../../../scripts/lib/provision/mesh.ts";
import { waitFor, type Child } from "../../../scripts/lib/process.ts";
import { renderStatsSettings } from "../../../scripts/lib/stats-settings.ts";
import { answers } from "./answers.ts";
import { namespace } from "./api-server.ts";
import { forward, namedPorts } from "./ports.ts";
import { labelsOfPod, workload } from "./workload.ts";
import type { Workspace } from "./workspace.ts";

/** What a sidecar is told. */
export interface SidecarSettings {
  readonly name: string;
  /** The pod's. */
  readonly address: string;
  /** Without it: no tags, buckets and update statistics, as of a pod nobody has annotated. */
  readonly annotated: boolean;
  /** Token of the pod's service account for istiod. */
  readonly token: string;
  readonly rootCertificate: string;
  readonly discoveryPort: number;
  /** Ports at the pod's address that lead to Envoy's admin interface and to the agent. */
  readonly adminPort: number;
  readonly statsPort: number;
  /** The registry, which has no TLS. */
  readonly registry: string;
}

/** A pilot-agent and its Envoy. */
export interface Sidecar {
  /** What both have written so far. */
  lines(): readonly string[];
  stop(): Promise<void>;
}

type OwnPorts = Readonly<Record<"admin" | "stats" | "health" | "prometheus", number>>;

const readyMillis = 60_000;

// The agent keeps modules in /var/lib/istio/data, whatever its working directory: each has a mount of its own there.
const script = `mount -t tmpfs tmpfs /var/lib && mkdir -p /var/lib/istio/data && exec "$0" proxy sidecar --domain ${namespace}.svc.cluster.local`;

/** Starts pilot-agent and stock Envoy, and waits until the kubelet would call the container ready. */
export async function startSidecar(workspace: Workspace, settings: SidecarSettings): Promise<Sidecar> {
  const own = await namedPorts("admin", "stats", "health", "prometheus");
  const agent = await provisionPilotAgent();
  const child = await workspace.start({
    name: settings.name,
    command: "unshare",
    args: [...ownMounts, "bash", "-c", script, agent.path],
    cwd: await containerFolder(workspace, settings),
    env: await environmentOf(settings, own),
  });
  const forwards = [
    await forward(settings.address, settings.adminPort, own.admin),
    await forward(settings.address, settings.statsPort, own.stats),
  ];
  const stop = async (): Promise<void> => {
    await child.stop();
    await Promise.all(forwards.map((listening) => listening.close()));
  };
  try {
    await whenReady(child, own.stats);
  } catch (error) {
    await stop();
    throw error;
  }
  return { lines: () => child.lines(), stop };
}

async function whenReady(child: Child, port: number): Promise<void> {
  const ready = (): Promise<true | undefined> => answers(`http://127.0.0.1:${port}/healthz/ready`);
  await waitFor(`${child.name} was ready`, ready, { child, timeoutMillis: readyMillis, intervalMillis: 100 });
}

async function environmentOf(settings: SidecarSettings, own: OwnPorts): Promise<NodeJS.ProcessEnv> {
  const { path } = await provisionEnvoy();
  const proxyConfig = {
    discoveryAddress: `localhost:${settings.discoveryPort}`,
    binaryPath: path,
    proxyAdminPort: own.admin,
    statusPort: own.stats,
    concurrency: 1,
  };
  return {
    INSTANCE_IP: settings.address,
    POD_NAME: settings.name,
    POD_NAMESPACE: namespace,
    SERVICE_ACCOUNT: workload,
    ISTIO_META_CLUSTER_ID: "Kubernetes",
    ISTIO_META_INTERCEPTION_MODE: "NONE",
    ISTIO_METAJSON_LABELS: JSON.stringify(labelsOfPod(settings.name)),
    ENVOY_STATUS_PORT: String(own.health),
    ENVOY_PROMETHEUS_PORT: String(own.prometheus),
    PILOT_CERT_PROVIDER: "istiod",
    PROXY_CONFIG: JSON.stringify(proxyConfig),
    WASM_INSECURE_REGISTRIES: settings.registry,
  };
}

/** What the injector and the kubelet would mount into the sidecar. */
async function containerFolder(workspace: Workspace, settings: SidecarSettings): Promise<string> {
  const folder = await workspace.folder(settings.name);
  const inside = (...parts: readonly string[]): string => join(folder, ...parts);
  const folders = ["etc/istio/proxy", "etc/istio/config", "etc/istio/pod", "var/lib/istio/envoy"];
  const secrets = ["istio", "tokens", "workload-spiffe-uds"].map((part) => `var/run/secrets/${part}`);
  await Promise.all([...folders, ...secrets].map((part) => mkdir(inside(part), { recursive: true })));
  const { directory } = await istioSource();
  await copyFile(
    join(directory, "tools/packaging/common/envoy_bootstrap.json"),
    inside("var/lib/istio/envoy/envoy_bootstrap_tmpl.json"),
  );
  const labels = Object.entries(labelsOfPod(settings.name)).map(([key, value]) => `${key}="${value}"\n`);
  await writeFile(inside("etc/istio/pod/labels"), labels.join(""));
  await writeFile(inside("etc/istio/pod/annotations"), settings.annotated ? annotations() : "");
  await writeFile(inside("var/run/secrets/tokens/istio-token"), settings.token);
  await writeFile(inside("var/run/secrets/istio/root-cert.pem"), settings.rootCertificate);
  return folder;
}

/** What people are told to put on their pods, in the downward API's spelling. */
function annotations(): string {
  const pod: { metadata: { annotations: Record<string, string> } } = parse(
    renderStatsSettings({}, "istio-pod"),
  );
  const lines = Object.entries(pod.metadata.annotations).map(
    ([key, value]) => `${key}=${JSON.stringify(value)}`,
  );
  return `${lines.join("\n")}\n`;
}
