import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { connect, type Cluster } from "../../../deploy/tool/cluster/connect.ts";
import { ApiError } from "../../../deploy/tool/cluster/failures.ts";
import { permissions, type Permission } from "../../../deploy/tool/cluster/permissions.ts";
import type { WasmPluginSpec } from "../../../deploy/tool/cluster/plugins.ts";
import { resources, type ApiResource } from "../../../deploy/tool/cluster/resources.ts";
import { istioSource } from "../../../scripts/lib/provision/istio.ts";
import { waitFor } from "../../../scripts/lib/process.ts";
import { startKubernetes, type Kubernetes } from "./kubernetes.ts";
import { Workspace } from "./workspace.ts";

/** Namespace of everything the tests make. */
export const namespace = "trading";

/** An image nobody serves: what is deployed to no pods is never fetched. */
export const image = `oci://registry.invalid/tickgate@sha256:${"a".repeat(64)}`;

/** A real API server with Istio's resource definitions and the namespace, without any pods or control plane. */
export async function startApiServer(workspace = new Workspace()): Promise<ApiServer> {
  const kubernetes = await startKubernetes(workspace);
  try {
    const admin = await connect({ kubeconfig: kubernetes.kubeconfig, namespace });
    const server = new ApiServer(kubernetes, admin);
    await server.create("namespaces", { metadata: { name: namespace } }, "v1", "");
    await server.addIstioDefinitions();
    return server;
  } catch (error) {
    await kubernetes.stop();
    throw error;
  }
}

/** The API server, and what tests do to it besides the tool. */
export class ApiServer {
  readonly kubernetes: Kubernetes;
  readonly admin: Cluster;

  constructor(kubernetes: Kubernetes, admin: Cluster) {
    this.kubernetes = kubernetes;
    this.admin = admin;
  }

  /** Creates an object; cluster-wide when its metadata names no namespace. A custom resource must say its kind. */
  async create(plural: string, body: object, version: string, group: string): Promise<void> {
    const resource: ApiResource = { group, version, plural };
    const { metadata } = body as { metadata?: { namespace?: string } };
    const place = metadata?.namespace === undefined ? {} : { namespace: metadata.namespace };
    const apiVersion = group === "" ? version : `${group}/${version}`;
    await this.admin.request({ verb: "create", resource, body: { apiVersion, ...body }, ...place });
  }

  /** Istio's custom resource definitions, from its own chart. */
  async addIstioDefinitions(): Promise<void> {
    const { directory } = await istioSource();
    const text = await readFile(join(directory, "manifests/charts/base/files/crd-all.gen.yaml"), "utf8");
    const documents = parseAllDocuments(text);
    const definitions: unknown[] = documents.map((document) => document.toJS());
    await Promise.all(
      definitions.map((body) =>
        this.admin.request({ verb: "create", resource: resources.customResourceDefinitions, body }),
      ),
    );
    await waitFor("WasmPlugins were served", async () => ((await this.servesPlugins()) ? true : undefined));
  }

  /** Takes a custom resource definition away, and waits until its objects are no longer served. */
  async removeDefinition(name: string): Promise<void> {
    await this.admin.request({ verb: "delete", resource: resources.customResourceDefinitions, name });
    await waitFor(`${name} was no longer served`, async () =>
      (await this.servesPlugins()) ? undefined : true,
    );
  }

  private async servesPlugins(): Promise<boolean> {
    try {
      await this.admin.request({ verb: "list", resource: resources.wasmPlugins, namespace });
      return true;
    } catch (error) {
      if (error instanceof ApiError) return false;
      throw error;
    }
  }

  /** Ends the server and its store. */
  stop(): Promise<void> {
    return this.kubernetes.stop();
  }

  /** Lets a user do these things in the namespace; returns a kubeconfig for it. */
  async userWith(user: string, granted: readonly Permission[]): Promise<string> {
    const rules = granted.map(({ verbs, group, resource }) => ({
      verbs,
      apiGroups: [group],
      resources: [resource],
    }));
    const meta = { name: user, namespace };
    const group = "rbac.authorization.k8s.io";
    const account = { kind: "ServiceAccount", ...meta };
    await this.create("serviceaccounts", { metadata: meta }, "v1", "");
    await this.create("roles", { metadata: meta, rules }, "v1", group);
    const roleRef = { apiGroup: group, kind: "Role", name: user };
    await this.create("rolebindings", { metadata: meta, roleRef, subjects: [account] }, "v1", group);
    return this.kubernetes.kubeconfigFor(user, await this.tokenOf(user), namespace);
  }

  /** A token of a service account of the namespace; for the API server itself without an audience. */
  async tokenOf(user: string, audience?: string): Promise<string> {
    const answer = await this.admin.request<{ status: { token: string } }>({
      verb: "create",
      resource: { group: "", version: "v1", plural: `serviceaccounts/${user}/token` },
      namespace,
      body: {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        spec: audience === undefined ? {} : { audiences: [audience] },
      },
    });
    return answer.status.token;
  }

  /** Applies a part of the plugin's spec as another field manager would. */
  async applyAs(manager: string, spec: Partial<WasmPluginSpec>): Promise<void> {
    await this.admin.request({
      verb: "patch",
      resource: resources.wasmPlugins,
      namespace,
      name: "tickgate",
      query: { fieldManager: manager, force: "true" },
      contentType: "application/apply-patch+yaml",
      body: {
        apiVersion: "extensions.istio.io/v1alpha1",
        kind: "WasmPlugin",
        metadata: { name: "tickgate", namespace },
        spec,
      },
    });
  }
}

/** What a deployer needs in the namespace. */
export const deployerRights = permissions.filter(({ scope }) => scope === "namespace");
