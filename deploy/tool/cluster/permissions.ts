/** A right that a command needs, in the words of RBAC. */
export interface Permission {
  readonly verbs: readonly string[];
  /** The empty string is the core group. */
  readonly group: string;
  /** Plural, with the subresource: `pods/portforward`. */
  readonly resource: string;
  /** In the namespace of the pods, in Istio's namespace, or in the whole cluster. */
  readonly scope: "namespace" | "istio" | "cluster";
  /** Without a required right commands fail; without an optional one doctor knows less and says so. */
  readonly required: boolean;
  readonly purpose: string;
}

/**
 * Everything the tool asks of the API server. `tickgate doctor` reviews the caller by this list, and a test holds the
 * Role in deploy/base to it.
 */
export const permissions: readonly Permission[] = [
  {
    verbs: ["get", "list", "create", "patch", "delete"],
    group: "extensions.istio.io",
    resource: "wasmplugins",
    scope: "namespace",
    required: true,
    // Server-side apply of an object that is not there yet is authorized as patch and as create.
    purpose: "deploy, rollout, rollback, remove",
  },
  {
    verbs: ["get", "list", "patch"],
    group: "",
    resource: "pods",
    scope: "namespace",
    required: true,
    purpose: "which pods run the filter; rollout moves pods by their label",
  },
  {
    // The web socket starts with a GET; newer API servers ask for create as well.
    verbs: ["get", "create"],
    group: "",
    resource: "pods/portforward",
    scope: "namespace",
    required: true,
    purpose: "reading Envoy's admin interface and metrics (--pods port-forward)",
  },
  {
    verbs: ["get", "create", "patch"],
    group: "",
    resource: "configmaps",
    scope: "namespace",
    required: true,
    purpose: "history and rollback (ConfigMap tickgate-history)",
  },
  {
    verbs: ["list"],
    group: "apps",
    resource: "deployments",
    scope: "istio",
    required: false,
    purpose: "doctor: the version of istiod",
  },
  {
    verbs: ["get"],
    group: "apiextensions.k8s.io",
    resource: "customresourcedefinitions",
    scope: "cluster",
    required: false,
    purpose: "doctor: what the WasmPlugin CRD accepts",
  },
  {
    verbs: ["list"],
    group: "extensions.istio.io",
    resource: "wasmplugins",
    scope: "istio",
    required: false,
    purpose: "doctor: plugins of Istio's namespace, which apply everywhere",
  },
  {
    verbs: ["list"],
    group: "admissionregistration.k8s.io",
    resource: "validatingadmissionpolicybindings",
    scope: "cluster",
    required: false,
    purpose: "doctor: whether the admission policy is in force",
  },
];
