/** A kind of object of the API server. The core group is the empty string. */
export interface ApiResource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
}

/** The resources the tool touches. */
export const resources = {
  pods: { group: "", version: "v1", plural: "pods" },
  configMaps: { group: "", version: "v1", plural: "configmaps" },
  events: { group: "", version: "v1", plural: "events" },
  deployments: { group: "apps", version: "v1", plural: "deployments" },
  wasmPlugins: { group: "extensions.istio.io", version: "v1alpha1", plural: "wasmplugins" },
  trafficExtensions: { group: "extensions.istio.io", version: "v1alpha1", plural: "trafficextensions" },
  customResourceDefinitions: {
    group: "apiextensions.k8s.io",
    version: "v1",
    plural: "customresourcedefinitions",
  },
  accessReviews: { group: "authorization.k8s.io", version: "v1", plural: "selfsubjectaccessreviews" },
  selfReviews: { group: "authentication.k8s.io", version: "v1", plural: "selfsubjectreviews" },
  admissionPolicies: {
    group: "admissionregistration.k8s.io",
    version: "v1",
    plural: "validatingadmissionpolicies",
  },
  admissionBindings: {
    group: "admissionregistration.k8s.io",
    version: "v1",
    plural: "validatingadmissionpolicybindings",
  },
} as const satisfies Record<string, ApiResource>;

/** `wasmplugins.extensions.istio.io`, or `pods` of the core group: as `kubectl` writes it. */
export function resourceName({ group, plural }: ApiResource): string {
  return group === "" ? plural : `${plural}.${group}`;
}

/** What is done with a resource; RBAC's words. */
export type Verb = "get" | "list" | "create" | "patch" | "delete";

/** One request to the API server. */
export interface ApiCall {
  readonly verb: Verb;
  readonly resource: ApiResource;
  /** Absent for cluster-wide resources and for lists over all namespaces. */
  readonly namespace?: string;
  readonly name?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Of the body; `application/json` when absent. */
  readonly contentType?: string;
}

/** The path and query of a call. */
export function pathOf({ resource, namespace, name, query = {} }: ApiCall): string {
  const root =
    resource.group === "" ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const place = namespace === undefined ? "" : `/namespaces/${encodeURIComponent(namespace)}`;
  const object = name === undefined ? "" : `/${encodeURIComponent(name)}`;
  const search = new URLSearchParams(query).toString();
  return `${root}${place}/${resource.plural}${object}${search === "" ? "" : `?${search}`}`;
}

/** What a call is about, for messages: `wasmplugins.extensions.istio.io/tickgate in namespace trading`. */
export function describeTarget({ resource, namespace, name }: ApiCall): string {
  const object = name === undefined ? resourceName(resource) : `${resourceName(resource)}/${name}`;
  return namespace === undefined ? object : `${object} in namespace ${namespace}`;
}
