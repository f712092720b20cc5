import { CliError } from "../../../scripts/lib/cli.ts";
import { parseJson } from "../json.ts";
import { describeTarget, resourceName, type ApiCall } from "./resources.ts";

/** A Status object: what the API server says about a refused request. */
export interface ApiStatus {
  readonly reason?: string;
  readonly message?: string;
  readonly details?: {
    readonly kind?: string;
    readonly name?: string;
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly ApiCause[];
  };
}

/** One cause in a Status; for a conflict of field managers `message` names the manager, `field` the field. */
export interface ApiCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

/** A request the API server answered with an error, worded for the operator. */
export class ApiError extends CliError {
  readonly status: number;
  readonly reason: string;
  readonly causes: readonly ApiCause[];
  /** Somebody else has changed, or created, the object first. */
  readonly isStale: boolean;
  /** The object is not there, but its kind and namespace may well be. */
  readonly isMissingObject: boolean;

  constructor(call: ApiCall, status: number, answer: ApiStatus) {
    const [message, hint] = wording(call, status, answer);
    super(message, hint);
    this.status = status;
    this.reason = answer.reason ?? "";
    this.causes = answer.details?.causes ?? [];
    // A conflict of field managers has causes.
    this.isStale = status === 409 && this.causes.length === 0;
    // The answer for an unknown kind of object names no object.
    this.isMissingObject = status === 404 && answer.details?.name !== undefined;
  }
}

/** Reads the body of an error answer; a proxy in between may answer something else than a Status. */
export function readStatus(body: string): ApiStatus {
  try {
    const value = parseJson<(ApiStatus & { readonly kind?: string }) | null>(body);
    if (value?.kind === "Status") return value;
  } catch {
    // Plain text: `404 page not found`.
  }
  return { message: body.trim().slice(0, 300) };
}

function wording(call: ApiCall, status: number, answer: ApiStatus): [string, string | undefined] {
  const target = describeTarget(call);
  const said = answer.message ?? "";
  switch (status) {
    case 401:
      return [
        `the API server does not know us: cannot ${call.verb} ${target}`,
        "the credentials of the context have expired or are wrong: log in again, or choose another --context",
      ];
    case 403:
      return said.includes("is forbidden: User")
        ? [`not allowed to ${call.verb} ${target}`, forbiddenHint(call, said)]
        : [`${call.verb} ${target} was refused: ${said}`, admissionHint(said)];
    case 404:
      return notFound(call, answer);
    case 400:
    case 422:
      return [`${call.verb} ${target} was refused: ${said}`, admissionHint(said)];
    default:
      return [`${call.verb} ${target}: HTTP ${status}${said === "" ? "" : `: ${said}`}`, undefined];
  }
}

function forbiddenHint(call: ApiCall, said: string): string {
  const user = /User "([^"]*)"/.exec(said)?.[1] ?? "this user";
  const where = call.namespace === undefined ? "in the whole cluster" : `in namespace ${call.namespace}`;
  return (
    `${user} needs the verb ${call.verb} on ${resourceName(call.resource)} ${where}: ` +
    "deploy/base/tickgate-deployer.yaml has the Role; tickgate doctor lists everything that is missing"
  );
}

function admissionHint(said: string): string | undefined {
  if (said.includes("ValidatingAdmissionPolicy"))
    return "an admission policy of the cluster refused it; see deploy/policy";
  return said.includes("admission webhook") ? "an admission webhook of the cluster refused it" : undefined;
}

function notFound(call: ApiCall, answer: ApiStatus): [string, string | undefined] {
  if (answer.details?.name !== undefined) {
    const place = call.namespace === undefined ? "" : ` in namespace ${call.namespace}`;
    return [
      `there is no ${answer.details.kind ?? resourceName(call.resource)}/${answer.details.name}${place}`,
      undefined,
    ];
  }
  const hint = call.resource.group.endsWith("istio.io")
    ? "Istio's CRDs are missing: is this the right cluster (--context)? Istio's base chart brings them"
    : "is this the right cluster (--context), and does it serve this version?";
  return [`the API server does not know ${resourceName(call.resource)} (${call.resource.version})`, hint];
}
