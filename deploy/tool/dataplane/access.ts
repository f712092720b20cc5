import type { Cluster } from "../cluster/connect.ts";
import type { ClusterArguments } from "../cluster/arguments.ts";
import { portNumber } from "../cluster/arguments.ts";
import type { Pod } from "../cluster/pods.ts";
import { CliError } from "../../../scripts/lib/cli.ts";
import { causeWithin, isLate } from "../cause.ts";
import { UsageError } from "../usage.ts";
import { directTransport } from "./direct.ts";
import { forwardTransport } from "./forward.ts";
import type { PodTransport } from "./transport.ts";

/** The two HTTP interfaces of a sidecar: Envoy's admin, and the agent's merged metrics. */
export type PodPort = "admin" | "stats";

/** Reads pages from sidecars. */
export interface PodAccess {
  /** The body of a page. A CliError names the pod, the page and the cause: refused, timed out, or a status other than 200. */
  get(pod: Pod, port: PodPort, path: string): Promise<string>;
}

/** A page that answered with another status than 200. */
export class PodPageError extends CliError {
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

/** How to reach pods. */
export interface AccessOptions {
  readonly mode: "port-forward" | "direct";
  readonly ports: Readonly<Record<PodPort, number>>;
  /** For one page; 5 s when absent. */
  readonly timeoutMillis?: number;
}

const defaultTimeoutMillis = 5000;

/** Reads the access options off the command line. */
export function accessOptions(args: ClusterArguments): AccessOptions {
  if (args.pods !== "port-forward" && args.pods !== "direct")
    throw new UsageError(`--pods ${args.pods} is not known`, "port-forward or direct");
  const ports = {
    admin: portNumber("admin-port", args["admin-port"]),
    stats: portNumber("stats-port", args["stats-port"]),
  };
  return { mode: args.pods, ports };
}

/** Reaches pods through the API server's port-forward, or by their addresses. */
export function openPodAccess(cluster: Cluster, options: AccessOptions): PodAccess {
  const transport = options.mode === "direct" ? directTransport : forwardTransport(cluster.kubeConfig);
  return accessThrough(transport, options);
}

/** Access over any transport: checks the status, bounds the time, and words the errors. */
export function accessThrough(transport: PodTransport, options: AccessOptions): PodAccess {
  const timeoutMillis = options.timeoutMillis ?? defaultTimeoutMillis;
  return {
    async get(pod, port, path) {
      const number = options.ports[port];
      const place = `pod ${pod.namespace}/${pod.name}, ${port} port ${number}, ${path}`;
      const reply = await withinTime(timeoutMillis, (signal) => transport(pod, number, path, signal)).catch(
        (error: unknown) => {
          const hint = isLate(error) ? lateHint(pod) : hints[options.mode];
          throw new CliError(`${place}: ${causeWithin(timeoutMillis, error)}`, hint);
        },
      );
      if (reply.status === 200) return reply.body;
      throw new PodPageError(
        `${place}: HTTP ${reply.status}: ${reply.body.trim().slice(0, 200)}`,
        reply.status,
      );
    },
  };
}

// AbortSignal.timeout would not keep the program alive while nothing else does.
async function withinTime<T>(millis: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new DOMException("too late", "TimeoutError")), millis);
  try {
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
  }
}

const hints: Readonly<Record<AccessOptions["mode"], string>> = {
  direct: "--pods direct needs a route to pod addresses; --pods port-forward goes through the API server",
  "port-forward": "port-forward needs the right to create pods/portforward; tickgate doctor checks it",
};

function lateHint({ namespace, name }: Pod): string {
  return `is the way to it slow, or its sidecar stuck? kubectl logs -n ${namespace} ${name} -c istio-proxy --tail 50`;
}
