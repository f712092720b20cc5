import { reviewAccess, whoAmI, type MissingRight } from "../cluster/access-review.ts";
import { fine, problem, warning, type Finding } from "./finding.ts";
import type { Subject } from "./subject.ts";

/** Whether the caller may do everything the tool does. */
export async function checkRights({ cluster, istioNamespace }: Subject): Promise<Finding[]> {
  const who = await whoAmI(cluster);
  const object = `user ${who}`;
  const missing = await reviewAccess(cluster, istioNamespace);
  if (missing.length === 0) return [fine(object, "has every right the tool needs")];
  const lacked = [...new Set(missing.map(({ permission }) => permission))];
  return lacked.map((permission) =>
    finding(
      object,
      missing.filter((right) => right.permission === permission),
    ),
  );
}

function finding(object: string, rights: readonly MissingRight[]): Finding {
  const [first] = rights;
  if (first === undefined) return fine(object, "lacks nothing");
  const { permission, namespace } = first;
  const verbs = rights.map(({ verb }) => verb).join(", ");
  const resource =
    permission.group === "" ? permission.resource : `${permission.resource}.${permission.group}`;
  const where = namespace === undefined ? "in the cluster" : `in namespace ${namespace}`;
  const message = `may not ${verbs} ${resource} ${where}: ${permission.purpose}`;
  return permission.required
    ? problem(object, message, "bind the Role of deploy/base to this user (tickgate-deployer.yaml)")
    : warning(object, message, "only doctor needs it; grant it, or take what it would have told as unknown");
}
