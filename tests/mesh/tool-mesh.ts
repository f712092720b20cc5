import { createServer, type Server } from "node:http";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseJson } from "../../deploy/tool/json.ts";
import { resources } from "../../deploy/tool/cluster/resources.ts";
import { buildImage } from "../../deploy/tool/oci/image.ts";
import { pushImage } from "../../deploy/tool/oci/push.ts";
import { parseReference, pinnedUrl } from "../../deploy/tool/oci/reference.ts";
import { provisionEnvoy } from "../../scripts/lib/provision/envoy.ts";
import { istioSource, provisionIstiod, provisionPilotAgent } from "../../scripts/lib/provision/istio.ts";
import { provisionRegistry } from "../../scripts/lib/provision/registry.ts";
import { waitFor, type Child } from "../../scripts/lib/process.ts";
import { bucketsMicros, histogramNames, labelsOf } from "../../scripts/lib/stats-settings.ts";
import { answers } from "./lib/answers.ts";
import { forward, namedPorts, type Listening } from "./lib/ports.ts";
import { Workspace } from "./lib/workspace.ts";
import { namespace, startApiServer, type ApiServer } from "./tool-api.ts";

/** A sidecar, and the Pod object and workload it stands for. */
export interface SidecarPod {
  readonly name: string;
  /** Answers with the status of one request through the sidecar. */
  send(): Promise<number>;
  stop(): Promise<void>;
}

/** How a sidecar is started. */
export interface SidecarOptions {
  readonly name: string;
  /** A loopback address of its own. */
  readonly address: string;
  /** Without it: no tags, buckets and update statistics, as of a pod nobody has annotated. */
  readonly annotated?: boolean;
}

const readyMillis = 60_000;
const account = "trading-engine";

/** A real API server, istiod and registry, and sidecars of stock Envoy under pilot-agent. Loopback only; needs root. */
export class ToolMesh {
  readonly api: ApiServer;
  /** Arguments by which the tool reaches the sidecars. */
  readonly reach: readonly string[];
  readonly istiodUrl: string;
  private readonly workspace: Workspace;
  private readonly ports: Record<"grpc" | "monitoring" | "registry" | "admin" | "stats" | "inbound", number>;
  private readonly app: Server;
  private readonly open: { stop(): Promise<unknown> }[] = [];

  private constructor(workspace: Workspace, api: ApiServer, app: Server, ports: ToolMesh["ports"]) {
    this.workspace = workspace;
    this.api = api;
    this.app = app;
    this.ports = ports;
    this.istiodUrl = `http://127.0.0.1:${ports.monitoring}`;
    const [admin, stats] = [String(ports.admin), String(ports.stats)];
    this.reach = ["--namespace", namespace, "--pods", "direct", "--admin-port", admin, "--stats-port", stats];
  }

  static async start(): Promise<ToolMesh> {
    const ports = await namedPorts("grpc", "monitoring", "registry", "admin", "stats", "inbound");
    const api = await startApiServer();
    const app = createServer((_request, response) => response.end("ok"));
    await new Promise<void>((resolve) => app.listen(0, "127.0.0.1", resolve));
    const mesh = new ToolMesh(new Workspace(), api, app, ports);
    try {
      await mesh.startRegistry();
      await mesh.startIstiod();
    } catch (error) {
      await mesh.stop();
      throw error;
    }
    return mesh;
  }

  async stop(): Promise<void> {
    for (const part of this.open.toReversed()) await part.stop();
    this.app.close();
    await this.api.stop();
  }

  /** Pushes a module and returns its address for a WasmPlugin. */
  async push(module: Uint8Array, version: string): Promise<string> {
    const reference = parseReference(`127.0.0.1:${this.ports.registry}/trading/tickgate:${version}`);
    const image = await buildImage(module, "compat", { version });
    await pushImage(image, { ...reference, tag: version }, { insecure: true });
    return pinnedUrl(reference, image.manifest.digest);
  }

  private async startRegistry(): Promise<void> {
    const folder = await this.workspace.folder("registry");
    const config = join(folder, "config.yml");
    const addr = `127.0.0.1:${this.ports.registry}`;
    const settings = { version: 0.1, storage: { filesystem: { rootdirectory: folder } }, http: { addr } };
    // JSON is YAML.
    await writeFile(config, JSON.stringify(settings));
    const { path } = await provisionRegistry();
    const child = await this.workspace.start({ name: "registry", command: path, args: ["serve", config] });
    this.open.push(child);
    await waitFor("the registry answered", () => answers(`http://${addr}/v2/`), {
      child,
      timeoutMillis: readyMillis,
    });
  }

  private async startIstiod(): Promise<void> {
    const more = await namedPorts("http", "plain", "https", "ctrlz");
    await this.api.create("namespaces", { metadata: { name: "istio-system" } }, "v1", "");
    const meshConfig = join(await this.workspace.folder("istiod"), "mesh.yaml");
    await writeFile(
      meshConfig,
      JSON.stringify({ rootNamespace: "istio-system", ingressControllerMode: "OFF" }),
    );
    const flags = {
      meshConfig,
      kubeconfig: this.api.kubernetes.kubeconfig,
      httpAddr: `127.0.0.1:${more.http}`,
      grpcAddr: `127.0.0.1:${more.plain}`,
      secureGRPCAddr: `127.0.0.1:${this.ports.grpc}`,
      httpsAddr: `127.0.0.1:${more.https}`,
      monitoringAddr: `127.0.0.1:${this.ports.monitoring}`,
      ctrlz_port: String(more.ctrlz),
    };
    const { path } = await provisionIstiod();
    const child = await this.workspace.start({
      name: "istiod",
      command: path,
      args: ["discovery", ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`)],
      env: {
        POD_NAME: "istiod-0",
        POD_NAMESPACE: "istio-system",
        REVISION: "default",
        INJECT_ENABLED: "false",
        VALIDATION_WEBHOOK_CONFIG_NAME: "",
        ISTIOD_CUSTOM_HOST: "localhost",
        // Filters of istio-proxy, which stock Envoy does not have.
        PILOT_ENABLE_METADATA_EXCHANGE: "false",
        PILOT_ENABLE_ALPN_FILTER: "false",
        PILOT_ENABLE_GATEWAY_API: "false",
      },
    });
    this.open.push(child);
    await waitFor("istiod was ready", () => answers(`http://127.0.0.1:${more.http}/ready`), {
      child,
      timeoutMillis: readyMillis,
    });
    await this.createWorkloads();
  }

  private async createWorkloads(): Promise<void> {
    const [networking, security] = ["networking.istio.io", "security.istio.io"];
    await this.api.create("serviceaccounts", { metadata: { name: account, namespace } }, "v1", "");
    const off = {
      kind: "PeerAuthentication",
      metadata: { name: "default", namespace },
      spec: { mtls: { mode: "DISABLE" } },
    };
    await this.api.create("peerauthentications", off, "v1", security);
    const backend = this.app.address();
    if (backend === null || typeof backend === "string") throw new Error("the app has no port");
    const port = { number: this.ports.inbound, protocol: "HTTP", name: "http" };
    const ingress = [{ port, captureMode: "NONE", defaultEndpoint: `127.0.0.1:${backend.port}` }];
    const sidecar = { workloadSelector: { labels: { app: account } }, ingress };
    await this.api.create(
      "sidecars",
      { kind: "Sidecar", metadata: { name: account, namespace }, spec: sidecar },
      "v1",
      networking,
    );
    const entry = {
      hosts: [`${account}.${namespace}.svc.cluster.local`],
      location: "MESH_INTERNAL",
      resolution: "STATIC",
      ports: [{ number: 8080, name: "http", protocol: "HTTP", targetPort: this.ports.inbound }],
      workloadSelector: { labels: { app: account } },
    };
    await this.api.create(
      "serviceentries",
      { kind: "ServiceEntry", metadata: { name: account, namespace }, spec: entry },
      "v1",
      networking,
    );
    await waitFor("istiod published its certificate", () => this.rootCertificate(), {
      timeoutMillis: readyMillis,
    });
  }

  private async rootCertificate(): Promise<string | undefined> {
    const list = await this.api.admin.request<{
      items: { metadata: { name: string }; data: Record<string, string> }[];
    }>({ verb: "list", resource: resources.configMaps, namespace });
    return list.items.find(({ metadata }) => metadata.name === "istio-ca-root-cert")?.data["root-cert.pem"];
  }

  /** Starts a sidecar with the labels of the stable track, and waits until it serves. */
  async startSidecar(options: SidecarOptions): Promise<SidecarPod> {
    const own = await namedPorts("admin", "stats", "health", "prometheus");
    await this.createPod(options);
    const child = await this.startAgent(options, own);
    await waitFor(`${options.name} was ready`, () => answers(`http://127.0.0.1:${own.stats}/healthz/ready`), {
      child,
      timeoutMillis: readyMillis,
    });
    const forwards: Listening[] = [
      await forward(options.address, this.ports.admin, own.admin),
      await forward(options.address, this.ports.stats, own.stats),
    ];
    const stop = async (): Promise<void> => {
      await child.stop();
      await Promise.all(forwards.map((listening) => listening.close()));
    };
    this.open.push({ stop });
    const url = `http://${options.address}:${this.ports.inbound}/`;
    return { name: options.name, stop, send: async () => (await fetch(url)).status };
  }

  private async createPod({ name, address }: SidecarOptions): Promise<void> {
    const labels = { app: account, "tickgate.dev/track": "stable" };
    const containers = ["app", "istio-proxy"].map((container) => ({ name: container, image: "none" }));
    const metadata = { name, namespace, labels };
    const spec = { serviceAccountName: account, nodeName: "none", containers };
    await this.api.create("pods", { metadata, spec }, "v1", "");
    const status = {
      phase: "Running",
      podIP: address,
      podIPs: [{ ip: address }],
      conditions: [{ type: "Ready", status: "True" }],
    };
    await this.api.admin.request({
      verb: "patch",
      resource: { group: "", version: "v1", plural: "pods" },
      namespace,
      name: `${name}/status`,
      contentType: "application/merge-patch+json",
      body: { status },
    });
    const workload = { address, labels, serviceAccount: account };
    await this.api.create(
      "workloadentries",
      { kind: "WorkloadEntry", metadata: { name, namespace }, spec: workload },
      "v1",
      "networking.istio.io",
    );
  }

  /** Takes the objects of a pod away, as the kubelet would once it has ended. */
  async deletePod(name: string): Promise<void> {
    const body = { gracePeriodSeconds: 0 };
    await this.api.admin.request({ verb: "delete", resource: resources.pods, namespace, name, body });
    const workloads = { group: "networking.istio.io", version: "v1", plural: "workloadentries" };
    await this.api.admin.request({ verb: "delete", resource: workloads, namespace, name });
  }

  private async startAgent(
    { name, address, annotated = true }: SidecarOptions,
    own: Record<"admin" | "stats" | "health" | "prometheus", number>,
  ): Promise<Child> {
    const folder = await this.agentFolder(name, annotated);
    const [agent, envoy] = [await provisionPilotAgent(), await provisionEnvoy()];
    const proxyConfig = {
      discoveryAddress: `localhost:${this.ports.grpc}`,
      binaryPath: envoy.path,
      proxyAdminPort: own.admin,
      statusPort: own.stats,
      concurrency: 1,
      ...(annotated ? { extraStatTags: labelsOf({}) } : {}),
    };
    // The agent keeps modules in /var/lib/istio/data, whatever its working directory: each has a mount of its own there.
    const script = `mount -t tmpfs tmpfs /var/lib && mkdir -p /var/lib/istio/data && exec "$0" proxy sidecar --domain ${namespace}.svc.cluster.local`;
    return this.workspace.start({
      name,
      command: "unshare",
      args: ["--mount", "bash", "-c", script, agent.path],
      cwd: folder,
      env: {
        INSTANCE_IP: address,
        POD_NAME: name,
        POD_NAMESPACE: namespace,
        SERVICE_ACCOUNT: account,
        ISTIO_META_CLUSTER_ID: "Kubernetes",
        ISTIO_META_INTERCEPTION_MODE: "NONE",
        ISTIO_METAJSON_LABELS: JSON.stringify({ app: account, "tickgate.dev/track": "stable" }),
        ENVOY_STATUS_PORT: String(own.health),
        ENVOY_PROMETHEUS_PORT: String(own.prometheus),
        PILOT_CERT_PROVIDER: "istiod",
        PROXY_CONFIG: JSON.stringify(proxyConfig),
        WASM_INSECURE_REGISTRIES: `127.0.0.1:${this.ports.registry}`,
      },
    });
  }

  /** What the injector and the kubelet would mount into the sidecar. */
  private async agentFolder(name: string, annotated: boolean): Promise<string> {
    const folder = await this.workspace.folder(name);
    const inside = (...parts: readonly string[]): string => join(folder, ...parts);
    const folders = ["etc/istio/proxy", "etc/istio/config", "etc/istio/pod", "var/lib/istio/envoy"];
    const secrets = ["istio", "tokens", "workload-spiffe-uds"].map((part) => `var/run/secrets/${part}`);
    await Promise.all([...folders, ...secrets].map((part) => mkdir(inside(part), { recursive: true })));
    const { directory } = await istioSource();
    const template = join(directory, "tools/packaging/common/envoy_bootstrap.json");
    await copyFile(template, inside("var/lib/istio/envoy/envoy_bootstrap_tmpl.json"));
    const buckets = JSON.stringify(
      Object.fromEntries(histogramNames.map((histogram) => [histogram, bucketsMicros])),
    );
    const annotations = [
      `sidecar.istio.io/statsHistogramBuckets=${JSON.stringify(buckets)}`,
      'sidecar.istio.io/statsInclusionPrefixes="extension_config_discovery"',
    ];
    await writeFile(inside("etc/istio/pod/labels"), `app="${account}"\ntickgate.dev/track="stable"\n`);
    await writeFile(inside("etc/istio/pod/annotations"), annotated ? `${annotations.join("\n")}\n` : "");
    await writeFile(
      inside("var/run/secrets/tokens/istio-token"),
      await this.api.tokenOf(account, "istio-ca"),
    );
    await writeFile(inside("var/run/secrets/istio/root-cert.pem"), (await this.rootCertificate()) ?? "");
    return folder;
  }

  /** Changes the plugin as `kubectl edit` would, past all that the tool checks. */
  async edit(spec: object): Promise<void> {
    await this.api.admin.request({
      verb: "patch",
      resource: resources.wasmPlugins,
      namespace,
      name: "tickgate",
      query: { fieldManager: "kubectl-edit" },
      contentType: "application/merge-patch+json",
      body: { spec },
    });
  }

  /** Whether the last extension configuration of a pod was refused, by istiod's account. */
  async hasRefused(pod: string): Promise<boolean> {
    const response = await fetch(`${this.istiodUrl}/debug/syncz`);
    const entries = parseJson<
      readonly { proxy: string; resources?: Record<string, { lastError?: string }> }[]
    >(await response.text());
    const entry = entries.find(({ proxy }) => proxy === `${pod}.${namespace}`);
    return Object.values(entry?.resources ?? {}).some(({ lastError }) => lastError !== undefined);
  }
}
