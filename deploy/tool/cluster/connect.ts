import { KubeConfig } from "@kubernetes/client-node";
import { CliError } from "../../../scripts/lib/cli.ts";
import { causeOf, causeWithin } from "../cause.ts";
import { parseJson } from "../json.ts";
import { ApiError, readStatus } from "./failures.ts";
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
   * are repeated (every call of the tool may be), for a minute at most. An ApiError for any other error answer.
   */
  request<T>(call: ApiCall): Promise<T>;
}

/** Which cluster: the three arguments of `kubectl` with the same names. */
export interface ConnectArguments {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly namespace?: string | undefined;
  /** For how long a silent API server is asked again; 60 s when absent. */
  readonly retryBudgetMillis?: number;
}

const requestTimeoutMillis = 15_000;
const defaultBudgetMillis = 60_000;
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
  const kubeConfig = loadKubeConfig(args);
  const server = kubeConfig.getCurrentCluster()?.server;
  if (server === undefined) {
    throw new CliError(
      `the kubeconfig has no cluster for context ${kubeConfig.getCurrentContext() || "(none)"}`,
      "--context NAME; kubectl config get-contexts lists them",
    );
  }
  const ofContext = kubeConfig.getContextObject(kubeConfig.getCurrentContext())?.namespace;
  const namespace = args.namespace ?? ofContext ?? "default";
  const budgetMillis = args.retryBudgetMillis ?? defaultBudgetMillis;
  return {
    kubeConfig,
    server,
    namespace,
    request: (call) => perform(kubeConfig, server, call, budgetMillis),
  };
}

function loadKubeConfig({ kubeconfig, context }: ConnectArguments): KubeConfig {
  const loaded = new KubeConfig();
  try {
    if (kubeconfig === undefined) loaded.loadFromDefault();
    else loaded.loadFromFile(kubeconfig);
  } catch (error) {
    throw new CliError(
      `the kubeconfig ${kubeconfig ?? process.env["KUBECONFIG"] ?? ""} can't be read: ${causeOf(error)}`,
      "--kubeconfig FILE, or set KUBECONFIG",
    );
  }
  if (context === undefined) return loaded;
  if (loaded.getContextObject(context) === null) {
    const known = loaded.getContexts().map(({ name }) => name);
    throw new CliError(`the kubeconfig has no context ${context}`, `it has: ${known.join(", ")}`);
  }
  loaded.setCurrentContext(context);
  return loaded;
}

async function perform<T>(
  kubeConfig: KubeConfig,
  server: string,
  call: ApiCall,
  budgetMillis: number,
): Promise<T> {
  const raw: RawRequest = {
    method: methods[call.verb],
    url: new URL(`${server.replace(/\/$/, "")}${pathOf(call)}`),
    timeoutMillis: requestTimeoutMillis,
    ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    ...(call.contentType === undefined ? {} : { contentType: call.contentType }),
  };
  let interrupted = false;
  const reply = await retry({ what: `the API server ${server}`, budgetMillis }, async () => {
    const attempt = await attemptOnce(kubeConfig, raw, interrupted);
    interrupted ||= "again" in attempt;
    return attempt;
  });
  if (reply.status >= 200 && reply.status < 300) return parseJson<T>(reply.body);
  throw new ApiError(call, reply.status, readStatus(reply.body));
}

async function attemptOnce(
  kubeConfig: KubeConfig,
  raw: RawRequest,
  interrupted: boolean,
): Promise<Attempt<RawReply>> {
  try {
    const reply = await send(kubeConfig, raw);
    return isStarting(reply, interrupted) ? againAfter(reply) : { value: reply };
  } catch (error) {
    if (isTransient(error)) return { again: causeWithin(raw.timeoutMillis, error) };
    throw new CliError(`the API server ${raw.url.origin} can't be reached: ${causeOf(error)}`);
  }
}

function againAfter(reply: RawReply): Attempt<RawReply> {
  const message = readStatus(reply.body).message ?? "";
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

const transientCodes = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EAI_AGAIN",
]);

function isTransient(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isTransient);
  if (!(error instanceof Error)) return false;
  if (error.name === "TimeoutError") return true;
  if ("code" in error && transientCodes.has(String(error.code))) return true;
  return error.message === "socket hang up";
}
