import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readNacks } from "../../../deploy/tool/dataplane/syncz.ts";
import { resources } from "../../../deploy/tool/cluster/resources.ts";
import { provisionIstiod } from "../../../scripts/lib/provision/istio.ts";
import { waitFor } from "../../../scripts/lib/process.ts";
import { answers } from "./answers.ts";
import { namespace, type ApiServer } from "./api-server.ts";
import { namedPorts } from "./ports.ts";
import type { Workspace } from "./workspace.ts";

/** Istio's control plane, outside of any cluster, beside an API server. */
export interface Istiod {
  /** Where sidecars get their certificate and configuration. */
  readonly discoveryPort: number;
  /** `http://127.0.0.1:<port>`, with `/debug/syncz` and `/metrics`. */
  readonly monitoringUrl: string;
  /** What sidecars trust it by. */
  readonly rootCertificate: string;
  /** The words by which a pod refused its last extension configuration, by istiod's account. */
  refusalOf(pod: string): Promise<string | undefined>;
  stop(): Promise<unknown>;
}

const readyMillis = 60_000;
const istioNamespace = "istio-system";

// Filters of istio-proxy, which stock Envoy does not have; and what nobody here asks for.
const environment = {
  POD_NAME: "istiod-0",
  POD_NAMESPACE: istioNamespace,
  REVISION: "default",
  INJECT_ENABLED: "false",
  VALIDATION_WEBHOOK_CONFIG_NAME: "",
  ISTIOD_CUSTOM_HOST: "localhost",
  PILOT_ENABLE_METADATA_EXCHANGE: "false",
  PILOT_ENABLE_ALPN_FILTER: "false",
  PILOT_ENABLE_GATEWAY_API: "false",
};

/** Starts istiod, waits until it serves sidecars, and has the API server ask its webhook about Istio's resources. */
export async function startIstiod(workspace: Workspace, api: ApiServer): Promise<Istiod> {
  const { path } = await provisionIstiod();
  const ports = await namedPorts("grpc", "monitoring", "http", "plain", "https", "ctrlz");
  await api.create("namespaces", { metadata: { name: istioNamespace } }, "v1", "");
  const child = await workspace.start({
    name: "istiod",
    command: path,
    args: await argumentsOf(workspace, api, ports),
    env: environment,
  });
  const options = { child, timeoutMillis: readyMillis };
  await waitFor("istiod was ready", () => answers(`http://127.0.0.1:${ports.http}/ready`), options);
  const rootCertificate = await waitFor(
    "istiod published its certificate",
    () => readRootCertificate(api),
    options,
  );
  await createWebhook(api, ports.https, rootCertificate);
  const monitoringUrl = `http://127.0.0.1:${ports.monitoring}`;
  return {
    discoveryPort: ports.grpc,
    monitoringUrl,
    rootCertificate,
    refusalOf: async (pod) => (await readNacks(monitoringUrl)).get(`${pod}.${namespace}`),
    stop: () => child.stop(2000),
  };
}

async function argumentsOf(
  workspace: Workspace,
  api: ApiServer,
  ports: Readonly<Record<"grpc" | "monitoring" | "http" | "plain" | "https" | "ctrlz", number>>,
): Promise<string[]> {
  const meshConfig = join(await workspace.folder("istiod"), "mesh.yaml");
  // JSON is YAML.
  await writeFile(
    meshConfig,
    JSON.stringify({ rootNamespace: istioNamespace, ingressControllerMode: "OFF" }),
  );
  const flags = {
    meshConfig,
    kubeconfig: api.kubernetes.kubeconfig,
    httpAddr: `127.0.0.1:${ports.http}`,
    grpcAddr: `127.0.0.1:${ports.plain}`,
    secureGRPCAddr: `127.0.0.1:${ports.grpc}`,
    httpsAddr: `127.0.0.1:${ports.https}`,
    monitoringAddr: `127.0.0.1:${ports.monitoring}`,
    ctrlz_port: String(ports.ctrlz),
  };
  return ["discovery", ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`)];
}

async function readRootCertificate({ admin }: ApiServer): Promise<string | undefined> {
  const list = await admin.request<{
    items: { metadata: { name: string }; data: Record<string, string> }[];
  }>({ verb: "list", resource: resources.configMaps, namespace });
  return list.items.find(({ metadata }) => metadata.name === "istio-ca-root-cert")?.data["root-cert.pem"];
}

/** The webhook of Istio's base chart, reached by a URL: there are no Services here. */
async function createWebhook(api: ApiServer, port: number, certificate: string): Promise<void> {
  const groups = ["security", "networking", "telemetry", "extensions"].map((name) => `${name}.istio.io`);
  const webhook = {
    name: "rev.validation.istio.io",
    clientConfig: {
      url: `https://localhost:${port}/validate`,
      caBundle: Buffer.from(certificate).toString("base64"),
    },
    rules: [{ operations: ["CREATE", "UPDATE"], apiGroups: groups, apiVersions: ["*"], resources: ["*"] }],
    failurePolicy: "Fail",
    sideEffects: "None",
    admissionReviewVersions: ["v1"],
  };
  const body = { metadata: { name: "istio-validator" }, webhooks: [webhook] };
  await api.create("validatingwebhookconfigurations", body, "v1", "admissionregistration.k8s.io");
}
