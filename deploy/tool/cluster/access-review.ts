import type { Cluster } from "./connect.ts";
import { ApiError } from "./failures.ts";
import { permissions, type Permission } from "./permissions.ts";
import { resources } from "./resources.ts";

/** A right the caller lacks. */
export interface MissingRight {
  readonly permission: Permission;
  readonly verb: string;
  readonly namespace: string | undefined;
}

/** Asks the API server about every right the tool needs, one SelfSubjectAccessReview a verb. */
export async function reviewAccess(cluster: Cluster, istioNamespace: string): Promise<MissingRight[]> {
  const questions = permissions.flatMap((permission) =>
    permission.verbs.map((verb) => ({ permission, verb, namespace: namespaceOf(permission) })),
  );
  const answers = await Promise.all(questions.map((question) => isAllowed(cluster, question)));
  return questions.filter((_question, index) => answers[index] === false);

  function namespaceOf({ scope }: Permission): string | undefined {
    if (scope === "cluster") return undefined;
    return scope === "istio" ? istioNamespace : cluster.namespace;
  }
}

async function isAllowed(cluster: Cluster, { permission, verb, namespace }: MissingRight): Promise<boolean> {
  const [resource, subresource] = permission.resource.split("/");
  const review = await cluster.request<{ status?: { allowed?: boolean } }>({
    verb: "create",
    resource: resources.accessReviews,
    body: {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SelfSubjectAccessReview",
      spec: { resourceAttributes: { verb, group: permission.group, resource, subresource, namespace } },
    },
  });
  return review.status?.allowed === true;
}

/** Who the API server takes us for; the kubeconfig's name of the user where it can't tell (before Kubernetes 1.28). */
export async function whoAmI(cluster: Cluster): Promise<string> {
  const fallback = cluster.kubeConfig.getCurrentUser()?.name ?? "unknown";
  try {
    const review = await cluster.request<{ status?: { userInfo?: { username?: string } } }>({
      verb: "create",
      resource: resources.selfReviews,
      body: { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" },
    });
    return review.status?.userInfo?.username ?? fallback;
  } catch (error) {
    if (error instanceof ApiError && (error.status === 404 || error.status === 403)) return fallback;
    throw error;
  }
}
