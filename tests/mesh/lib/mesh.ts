import { writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { resources } from "../../../deploy/tool/cluster/resources.ts";
import { assertOwnMounts } from "../../../scripts/lib/provision/mesh.ts";
import type { Finished } from "../../../scripts/lib/process.ts";
import { parseMetrics, type Metrics } from "../../../scripts/lib/prometheus.ts";
import { namespace, startApiServer, type ApiServer } from "./api-server.ts";
import { startIstiod, type Istiod } from "./istiod.ts";
import { startKubelet, type Kubelet } from "./kubelet.ts";
import { namedPorts, portOf } from "./ports.ts";
import { startRegistry, type Registry } from "./registry.ts";
import { fetchOnce, type Asked, type Reply } from "./request.ts";
import { startSidecar } from "./sidecar.ts";
import { runTickgate } from "./tickgate.ts";
import { createPod, createWorkload, deletePod, workload } from "./workload.ts";
import { Workspace } from "./workspace.ts";

/** How a pod is started. */
export interface PodOptions {
  readonly name: string;
  /** A loopback address of its own, from 127.0.0.2 on: istiod tells proxies apart by it. */
  readonly address: string;
  /** `false`: no tags, buckets and update statistics, as of a pod nobody has annotated. */
  readonly annotated?: boolean;
}

/** A pod: its objects in the API server, and a real sidecar in front of an app that answers `ok`. */
export interface MeshPod {
  readonly name: string;
  readonly address: string;
  /** One request through the sidecar, on a connection of its own; answers with its status. */
  send(asked?: Asked): Promise<number>;
  /** The same, with the whole answer. */
  ask(asked?: Asked): Promise<Reply>;
  /** A page of Envoy's admin interface. */
  admin(path: string): Promise<string>;
  /** The agent's merged `/stats/prometheus`, as Prometheus would scrape it. */
  scrape(): Promise<Metrics>;
  /** What the agent and Envoy have logged. */
  lines(): readonly string[];
  /** Ends the sidecar and takes the pod's objects away. */
  remove(): Promise<void>;
}

type Stop = () => Promise<unknown>;

interface Parts {
  readonly workspace: Workspace;
  readonly api: ApiServer;
  readonly istiod: Istiod;
  readonly registry: Registry;
  readonly kubelet: Kubelet;
  readonly app: Server;
  readonly ports: Readonly<Record<"admin" | "stats" | "inbound", number>>;
  readonly stops: Stop[];
}

/** A real API server, istiod and registry, and pods whose sidecars are stock Envoy under pilot-agent. Loopback only. */
export class Mesh {
  readonly api: ApiServer;
  readonly istiod: Istiod;
  readonly registry: Registry;
  readonly kubelet: Kubelet;
  /** Arguments by which the tool reaches the pods, at their addresses. */
  readonly reach: readonly string[];
  /** The same through the API server and the kubelet, the tool's default. */
  readonly forwarded: readonly string[];
  private readonly parts: Parts;

  private constructor(parts: Parts) {
    this.parts = parts;
    this.api = parts.api;
    this.istiod = parts.istiod;
    this.registry = parts.registry;
    this.kubelet = parts.kubelet;
    const [admin, stats] = [String(parts.ports.admin), String(parts.ports.stats)];
    this.forwarded = ["--namespace", namespace, "--admin-port", admin, "--stats-port", stats];
    this.reach = [...this.forwarded, "--pods", "direct"];
  }

  /** Starts everything but pods; when a part does not start, ends the others. */
  static async start(): Promise<Mesh> {
    await assertOwnMounts();
    const stops: Stop[] = [];
    try {
      return new Mesh(await startParts(stops));
    } catch (error) {
      await stopAll(stops);
      throw error;
    }
  }

  /** Port of the admin interface at every pod's address. */
  get adminPort(): number {
    return this.parts.ports.admin;
  }

  /** Ends everything. */
  stop(): Promise<void> {
    return stopAll(this.parts.stops);
  }

  /** Starts a pod with the labels of the stable track, and waits until its sidecar is ready. */
  async startPod({ name, address, annotated = true }: PodOptions): Promise<MeshPod> {
    const place = { name, address, inboundPort: this.parts.ports.inbound, appPort: portOf(this.parts.app) };
    await createPod(this.api, place);
    const sidecar = await startSidecar(this.parts.workspace, {
      name,
      address,
      annotated,
      token: await this.api.tokenOf(workload, "istio-ca"),
      rootCertificate: this.istiod.rootCertificate,
      discoveryPort: this.istiod.discoveryPort,
      adminPort: this.parts.ports.admin,
      statsPort: this.parts.ports.stats,
      registry: this.registry.host,
    });
    this.parts.stops.push(() => sidecar.stop());
    const ask = (port: number, asked: Asked): Promise<Reply> => fetchOnce({ host: address, port }, asked);
    return {
      name,
      address,
      ask: (asked = {}) => ask(this.parts.ports.inbound, asked),
      send: async (asked = {}) => (await ask(this.parts.ports.inbound, asked)).status,
      admin: async (path) => (await ask(this.parts.ports.admin, { path })).body,
      scrape: async () =>
        parseMetrics((await ask(this.parts.ports.stats, { path: "/stats/prometheus" })).body),
      lines: () => sidecar.lines(),
      remove: async () => {
        await sidecar.stop();
        await deletePod(this.api, name);
      },
    };
  }

  /** Runs a command of `tickgate` that talks to the cluster, as its administrator. */
  tickgate(...args: readonly string[]): Promise<Finished> {
    return runTickgate(this.api.kubernetes.kubeconfig, ...args, ...this.reach);
  }

  /** Writes a plugin configuration into a file, for `--config`; the last one is overwritten. */
  async configFile(config: object): Promise<string> {
    const path = join(await this.parts.workspace.folder("tickgate"), "plugin.json");
    await writeFile(path, JSON.stringify(config));
    return path;
  }

  /** Changes the plugin as `kubectl edit` would, past all that the tool checks. */
  async edit(spec: object, name = "tickgate"): Promise<void> {
    await this.api.admin.request({
      verb: "patch",
      resource: resources.wasmPlugins,
      namespace,
      name,
      query: { fieldManager: "kubectl-edit" },
      contentType: "application/merge-patch+json",
      body: { spec },
    });
  }
}

async function startParts(stops: Stop[]): Promise<Parts> {
  const workspace = new Workspace();
  const ports = await namedPorts("admin", "stats", "inbound");
  const api = await startApiServer(workspace);
  stops.push(() => api.stop());
  const registry = await startRegistry(workspace);
  stops.push(() => registry.stop());
  const kubelet = await startKubelet(api);
  stops.push(() => kubelet.stop());
  const app = await startApp();
  stops.push(() => closeServer(app));
  await createWorkload(api, ports.inbound);
  const istiod = await startIstiod(workspace, api);
  stops.push(() => istiod.stop());
  return { workspace, api, istiod, registry, kubelet, app, ports, stops };
}

/** The last that was started ends first. A stop may be called again. */
async function stopAll(stops: readonly Stop[]): Promise<void> {
  for (const stop of stops.toReversed()) await stop();
}

async function startApp(): Promise<Server> {
  const server = createServer((_request, response) => response.end("ok"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  return closed;
}
