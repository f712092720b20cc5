import { parseDuration } from "../../../scripts/lib/config/rates.ts";
import { outputArgument } from "../output.ts";
import { UsageError } from "../usage.ts";
import { faultOfImage } from "./render.ts";

/** The arguments of every command that talks to a cluster. */
export const clusterArguments = {
  ...outputArgument,
  kubeconfig: {
    type: "string",
    description: "kubeconfig file (default: KUBECONFIG, ~/.kube/config, in-cluster)",
    valueHint: "FILE",
  },
  context: {
    type: "string",
    description: "context of the kubeconfig (default: its current one)",
    valueHint: "NAME",
  },
  namespace: {
    type: "string",
    description: "namespace of the pods (default: the context's, else default)",
    valueHint: "NAME",
  },
  name: { type: "string", description: "name of the WasmPlugin", default: "tickgate" },
  timeout: {
    type: "string",
    description: "how long to wait for the pods",
    default: "120s",
    valueHint: "DURATION",
  },
  pods: {
    type: "string",
    description: "how to reach pods: through the API server, or by their addresses",
    default: "port-forward",
    valueHint: "port-forward|direct",
  },
  "admin-port": { type: "string", description: "port of Envoy's admin interface", default: "15000" },
  "stats-port": { type: "string", description: "port of the merged metrics", default: "15020" },
} as const;

/** Values of `clusterArguments` as citty hands them over. */
export interface ClusterArguments {
  readonly output: string;
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly timeout: string;
  readonly pods: string;
  readonly "admin-port": string;
  readonly "stats-port": string;
}

/** Milliseconds of a duration argument such as `90s`, `5m`; a UsageError that names the argument otherwise. */
export function durationMillis(argument: string, text: string): number {
  const millis = parseDuration(text) / 1e6;
  if (Number.isFinite(millis) && millis > 0) return millis;
  throw new UsageError(`--${argument} ${text} is not a duration`, "a number and a unit: 500ms, 90s, 5m, 1h");
}

/** A TCP port argument; a UsageError that names the argument otherwise. */
export function portNumber(argument: string, text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new UsageError(`--${argument} ${text} is not a port`, "a number in 1..65535");
}

/** A UsageError for an `--image` that does not say by its digest which bytes it is. */
export function checkImageArgument(image: string): void {
  const fault = faultOfImage(image);
  if (fault !== undefined) throw new UsageError(`--image ${image} has ${fault.what}`, fault.hint);
}

/** A UsageError that names the argument for anything but an http(s) URL. */
export function assertUrl(argument: string, text: string, example: string): void {
  if (URL.canParse(text) && /^https?:\/\//.test(text)) return;
  throw new UsageError(`--${argument} ${text} is not a URL`, example);
}

/** Labels of a selector argument: `app=engine,tier=front`; only equality, as WasmPlugins select by labels. */
export function parseLabels(argument: string, text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const part of text.split(",").filter((piece) => piece !== "")) {
    const [, key, value] = /^([A-Za-z0-9./_-]+)={1,2}([A-Za-z0-9._-]*)$/.exec(part) ?? [];
    if (key === undefined || value === undefined) {
      throw new UsageError(
        `--${argument} ${text}: "${part}" is not label=value`,
        "a WasmPlugin selects pods by exact labels: app=trading-engine,team=orders",
      );
    }
    labels[key] = value;
  }
  return labels;
}
