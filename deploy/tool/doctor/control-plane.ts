import { ApiError } from "../cluster/failures.ts";
import { resources } from "../cluster/resources.ts";
import { fine, problem, warning, type Finding } from "./finding.ts";
import type { Subject } from "./subject.ts";

const crdName = "wasmplugins.extensions.istio.io";

interface Crd {
  readonly spec: {
    readonly versions: readonly {
      readonly name: string;
      readonly served: boolean;
      readonly schema?: { readonly openAPIV3Schema?: SchemaNode };
    }[];
  };
}

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly enum?: readonly string[];
}

/** What the WasmPlugin CRD of the cluster accepts. */
export async function checkCrd({ cluster, spec }: Subject): Promise<Finding[]> {
  const object = `CRD ${crdName}`;
  let crd: Crd;
  try {
    crd = await cluster.request<Crd>({
      verb: "get",
      resource: resources.customResourceDefinitions,
      name: crdName,
    });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 403) return [unknown(object, error)];
    if (error.status !== 404) throw error;
    return [
      problem(object, "is not there", "is this the right cluster (--context)? Istio's base chart brings it"),
    ];
  }
  const version = crd.spec.versions.find(({ name, served }) => name === "v1alpha1" && served);
  if (version === undefined)
    return [problem(object, "does not serve v1alpha1", "Istio 1.12 or newer has it")];
  const failStrategies =
    version.schema?.openAPIV3Schema?.properties?.["spec"]?.properties?.["failStrategy"]?.enum ?? [];
  const wanted = spec?.failStrategy;
  if (wanted !== undefined && failStrategies.length > 0 && !failStrategies.includes(wanted)) {
    const message = `accepts as failStrategy ${failStrategies.join(", ")}, not ${wanted}`;
    return [
      problem(
        object,
        message,
        "FAIL_RELOAD needs Istio 1.27: update the CRDs, or choose another --fail-strategy",
      ),
    ];
  }
  return [fine(object, `serves v1alpha1; failStrategy: ${failStrategies.join(", ")}`)];
}

interface DeploymentList {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
    readonly spec: {
      readonly template: { readonly spec: { readonly containers: readonly { readonly image: string }[] } };
    };
  }[];
}

/** The first minor version of Istio whose sidecars have an Envoy with all the filter uses (1.33). */
const oldestMinor = 25;
const reloadMinor = 27;

/** The version of istiod, by its image. */
export async function checkIstiod({ cluster, istioNamespace, spec }: Subject): Promise<Finding[]> {
  const object = `istiod in ${istioNamespace}`;
  let list: DeploymentList;
  try {
    list = await cluster.request<DeploymentList>({
      verb: "list",
      resource: resources.deployments,
      namespace: istioNamespace,
      query: { labelSelector: "app=istiod" },
    });
  } catch (error) {
    if (error instanceof ApiError && error.status === 403) return [unknown(object, error)];
    throw error;
  }
  if (list.items.length === 0) {
    return [
      warning(
        object,
        "no Deployment with the label app=istiod",
        "--istio-namespace names where istiod runs; a managed control plane has none",
      ),
    ];
  }
  return list.items.map((deployment) => {
    const image = deployment.spec.template.spec.containers[0]?.image ?? "";
    return judgeVersion(
      `Deployment ${istioNamespace}/${deployment.metadata.name}`,
      image,
      spec?.failStrategy,
    );
  });
}

function judgeVersion(object: string, image: string, failStrategy: string | undefined): Finding {
  const minor = Number(/:(?:[^:]*[^\d.])?1\.(\d+)/.exec(image)?.[1] ?? Number.NaN);
  if (Number.isNaN(minor))
    return warning(
      object,
      `image ${image} does not tell its version`,
      `the filter needs Istio 1.${oldestMinor} or newer`,
    );
  if (minor < oldestMinor)
    return problem(
      object,
      `Istio 1.${minor} has an Envoy older than 1.33`,
      `update Istio to 1.${oldestMinor} or newer`,
    );
  if (failStrategy === "FAIL_RELOAD" && minor < reloadMinor)
    return problem(
      object,
      `Istio 1.${minor} does not know FAIL_RELOAD`,
      `Istio 1.${reloadMinor}, or another --fail-strategy`,
    );
  return fine(object, `Istio 1.${minor}`);
}

/** Whether the cluster refuses broken plugins before any proxy sees them. */
export async function checkPolicy({ cluster }: Subject): Promise<Finding[]> {
  const object = "admission policy";
  const next = "kubectl apply -k deploy/policy, once a cluster, by its administrator";
  try {
    const { items } = await cluster.request<{ items: { spec: { policyName: string } }[] }>({
      verb: "list",
      resource: resources.admissionBindings,
    });
    const bound = items.find(({ spec }) => spec.policyName.startsWith("tickgate"));
    return bound === undefined
      ? [warning(object, "is not bound: the API server takes any plugin configuration", next)]
      : [fine(object, `${bound.spec.policyName} is bound`)];
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 403) return [unknown(object, error)];
    if (error.status === 404)
      return [
        warning(
          object,
          "this API server has none: Kubernetes 1.30 brings them",
          "tickgate config check in CI",
        ),
      ];
    throw error;
  }
}

function unknown(object: string, error: ApiError): Finding {
  return warning(
    object,
    `could not be looked at: ${error.message}`,
    error.hint ?? "grant it, or look yourself",
  );
}
