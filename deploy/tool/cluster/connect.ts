import type { KubeConfig } from "@kubernetes/client-node";
import { CliError } from "../../../scripts/lib/cli.ts";
import { causeOf, causeWithin, isLate } from "../cause.ts";
import { parseJson } from "../json.ts";
import { UsageError } from "../usage.ts";
import { ApiError, readStatus } from "./failures.ts";
import { loadKubeConfig, type KubeConfigArguments } from "./kubeconfig.ts";
import { send, type RawReply, type RawRequest } from "./request.ts";
import { pathOf, type ApiCall, type Verb } from "./resources.ts";
import { retry, type Attempt } from "./retry.ts";

/** One API server, one namespace. */
export interface Cluster {
  readonly kubeConfig: KubeConfig;
  /** URL of the API server. */
  readonly server: string;
  readonly namespace: string;
  /**
   * Sends one request and returns the answer's body. Connections that fail and answers of a server that is starting
   * are repeated (every call of the tool may be), for a minute at most. An ApiError for any other error answer, a CliError
   * for one that is no API server's.
   */
  request<T>(call: ApiCall): Promise<T>;
}

/** Which cluster and namespace, as `kubectl` names them. */
export interface ConnectArguments extends KubeConfigArguments {
  readonly namespace?: string | undefined;
  /** For how long an API server that has never answered is asked again; one that has answered gets 60 s. */
  readonly firstAnswerMillis?: number;
}

const requestTimeoutMillis = 15_000;
/** As long as an API server may take to restart. */
const outageMillis = 60_000;
const methods: Readonly<Record<Verb, string>> = {
  get: "GET",
  list: "GET",
  create: "POST",
  patch: "PATCH",
  delete: "DELETE",
};

/** Reads the kubeconfig. Nothing is sent yet. */
// Async by contract: credentials that need a round trip belong here.
export async function connect(args: ConnectArguments): Promise<Cluster> {
  if (args.namespace !== undefined) checkNamespace(args.namespace);
  const { kubeConfig, server, namespace } = loadKubeConfig(args);
  const connection: Connection = {
    kubeConfig,
    server,
    firstAnswerMillis: Math.min(args.firstAnswerMillis ?? outageMillis, outageMillis),
    waiting: new Set(),
    answered: false,
  };
  return {
    kubeConfig,
    server,
    namespace: args.namespace ?? namespace ?? "default",
    request: (call) => perform(connection, call),
  };
}

interface Connection {
  readonly kubeConfig: KubeConfig;
  readonly server: string;
  readonly firstAnswerMillis: number;
  /** Requests that are repeated at the moment. */
  readonly waiting: Set<object>;
  answered: boolean;
}

function checkNamespace(namespace: string): void {
  if (/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(namespace)) return;
  throw new UsageError(
    `--namespace ${namespace} is not a name of a namespace`,
    "lower case letters, digits and - in between, at most 63",
  );
}

async function perform<T>(connection: Connection, call: ApiCall): Promise<T> {
  const { server, waiting, answered, firstAnswerMillis } = connection;
  const budgetMillis = answered ? outageMillis : firstAnswerMillis;
  const raw: RawRequest = {
    method: methods[call.verb],
    url: new URL(`${server.replace(/\/$/, "")}${pathOf(call)}`),
    timeoutMillis: Math.min(requestTimeoutMillis, budgetMillis),
    ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    ...(call.contentType === undefined ? {} : { contentType: call.contentType }),
  };
  let interrupted = false;
  let arrived = false;
  const patience = {
    what: `the API server ${server}`,
    budgetMillis,
    waiting,
    hint: () => silenceHint(connection, arrived && changes(call)),
  };
  const reply = await retry(patience, async () => {
    const attempt = await attemptOnce(connection.kubeConfig, raw, interrupted);
    interrupted ||= "again" in attempt;
    arrived ||= "again" in attempt && attempt.arrived;
    return attempt;
  });
  connection.answered = true;
  if (reply.status >= 200 && reply.status < 300) {
    try {
      return parseJson<T>(reply.body);
    } catch {
      throw noApiServer(server, reply);
    }
  }
  if (isPage(reply)) throw noApiServer(server, reply);
  throw new ApiError(call, reply.status, readStatus(reply.body));
}

/** Login pages and load balancers speak HTML. */
function isPage({ contentType }: RawReply): boolean {
  return contentType.startsWith("text/html");
}

function noApiServer(server: string, { status, contentType }: RawReply): CliError {
  const code = status === 200 ? "" : `HTTP ${status}, `;
  return new CliError(
    `${server} does not answer as a Kubernetes API server (${code}${contentType || "no content type"})`,
    "something in front of it answers: are you logged in, and is this the right cluster (--context)?",
  );
}

/** Whether what became of a call matters: reads and reviews change nothing. */
function changes({ verb, resource, query }: ApiCall): boolean {
  if (verb === "get" || verb === "list" || query?.["dryRun"] !== undefined) return false;
  return !resource.group.startsWith("auth");
}

const elsewhere = "is the VPN up, and is this the right cluster? --context and --kubeconfig choose another";

function silenceHint({ answered }: Connection, isFateUnknown: boolean): string {
  if (isFateUnknown)
    return "what was asked for last may or may not have happened: tickgate status tells, and every command may be repeated";
  return answered ? "tickgate status tells where things stand, and every command may be repeated" : elsewhere;
}

/** Another try, and whether the one before it may have reached the server. */
type ApiAttempt = Attempt<RawReply> & { readonly arrived: boolean };

async function attemptOnce(
  kubeConfig: KubeConfig,
  raw: RawRequest,
  interrupted: boolean,
): Promise<ApiAttempt> {
  try {
    const reply = await send(kubeConfig, raw);
    if (!isStarting(reply, interrupted)) return { value: reply, arrived: true };
    return { ...againAfter(reply), arrived: reply.status !== 429 };
  } catch (error) {
    if (isOneOf(transientCodes, error) || isLost(error))
      return { again: causeWithin(raw.timeoutMillis, error), arrived: !isOneOf(unsentCodes, error) };
    throw new CliError(`the API server ${raw.url.origin} can't be reached: ${causeOf(error)}`, elsewhere);
  }
}

function againAfter(reply: RawReply): { readonly again: string; readonly afterMillis?: number } {
  const message = isPage(reply) ? "" : (readStatus(reply.body).message ?? "");
  const again = `HTTP ${reply.status}${message === "" ? "" : `: ${message.slice(0, 120)}`}`;
  const seconds = reply.retryAfterSeconds;
  return seconds === undefined ? { again } : { again, afterMillis: Math.min(seconds, 5) * 1000 };
}

/** Answers of a server that starts, sheds load, or has lost its etcd for a moment. */
function isStarting({ status, body }: RawReply, interrupted: boolean): boolean {
  if (status === 429 || status === 502 || status === 503 || status === 504) return true;
  if (status === 500)
    return /etcdserver:|connection refused|not yet ready|context deadline exceeded/.test(body);
  // Right after a start the authorizer does not know any roles yet, and the CRDs are not served.
  return interrupted && (status === 403 || (status === 404 && body.startsWith("404 page not found")));
}

/** Errors of connections that were never made. */
const unsentCodes = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "EAI_AGAIN"]);
const transientCodes = new Set([...unsentCodes, "ECONNRESET", "EPIPE", "ETIMEDOUT"]);

function isOneOf(codes: ReadonlySet<string>, error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some((inner) => isOneOf(codes, inner));
  return error instanceof Error && "code" in error && codes.has(String(error.code));
}

/** Whether the connection ended, or nothing came in time. */
function isLost(error: unknown): boolean {
  return error instanceof Error && (isLate(error) || error.message === "socket hang up");
}
