import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { KubeConfig } from "@kubernetes/client-node";
import { CliError } from "../../../scripts/lib/cli.ts";
import { causeOf } from "../cause.ts";
import { wordsOf } from "../given-file.ts";

/** Which kubeconfig and which of its contexts: the arguments of `kubectl` with the same names. */
export interface KubeConfigArguments {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
}

/** A kubeconfig that leads to a cluster. */
export interface LoadedKubeConfig {
  readonly kubeConfig: KubeConfig;
  /** URL of the API server. */
  readonly server: string;
  /** Namespace of the context. */
  readonly namespace: string | undefined;
}

/** What the client library calls its context when it has found no kubeconfig; it then means localhost:8080. */
const contextOfNothing = "loaded-context";
const chooseFile = "--kubeconfig FILE, or set KUBECONFIG";

/** Reads the kubeconfig and chooses its context. A CliError names the file and what it lacks. */
export function loadKubeConfig({ kubeconfig, context }: KubeConfigArguments): LoadedKubeConfig {
  const place = placeOf(kubeconfig);
  const kubeConfig = new KubeConfig();
  try {
    if (kubeconfig === undefined) kubeConfig.loadFromDefault();
    else kubeConfig.loadFromFile(kubeconfig);
  } catch (error) {
    throw new CliError(`${place} can't be read: ${faultOf(error)}`, chooseFile);
  }
  if (kubeconfig === undefined && kubeConfig.getCurrentContext() === contextOfNothing) {
    throw new CliError(
      `there is no kubeconfig: no --kubeconfig, no KUBECONFIG, no ${homeConfig()}, and this is no pod of a cluster`,
      chooseFile,
    );
  }
  const name = chooseContext(kubeConfig, place, context);
  return {
    kubeConfig,
    server: serverOf(kubeConfig, place, name),
    namespace: kubeConfig.getContextObject(name)?.namespace,
  };
}

function homeConfig(): string {
  return join(process.env["HOME"] ?? homedir(), ".kube", "config");
}

function placeOf(kubeconfig: string | undefined): string {
  const named = kubeconfig ?? process.env["KUBECONFIG"] ?? "";
  if (named !== "") return `the kubeconfig ${named}`;
  return existsSync(homeConfig()) ? `the kubeconfig ${homeConfig()}` : "the kubeconfig of this pod";
}

function faultOf(error: unknown): string {
  // An empty file, or one that holds something else, has no fields to read.
  if (error instanceof TypeError) return "it is empty or no kubeconfig";
  if (error instanceof Error && "code" in error) return wordsOf(error);
  const [first = ""] = causeOf(error).split("\n");
  return first;
}

function chooseContext(kubeConfig: KubeConfig, place: string, wanted: string | undefined): string {
  const names = kubeConfig.getContexts().map(({ name }) => name);
  const known = names.length === 0 ? "it has none" : `it has: ${names.join(", ")}`;
  const name = wanted ?? kubeConfig.getCurrentContext();
  // The client library has an undefined one where the file has none.
  if ((name ?? "") === "") throw new CliError(`${place} has no current context`, `--context NAME; ${known}`);
  if (kubeConfig.getContextObject(name) === null)
    throw new CliError(`${place} has no context ${name}`, `--context NAME; ${known}`);
  kubeConfig.setCurrentContext(name);
  return name;
}

function serverOf(kubeConfig: KubeConfig, place: string, context: string): string {
  const cluster = kubeConfig.getCurrentCluster();
  const server = cluster?.server;
  if (cluster === null || server === undefined) {
    const name = kubeConfig.getContextObject(context)?.cluster ?? "";
    throw new CliError(`${place} has no cluster ${name}, which its context ${context} names`, chooseFile);
  }
  const wrong = (what: string): CliError =>
    new CliError(`${place}: the server of cluster ${cluster.name}, ${server}, ${what}`, "https://HOST:PORT");
  if (!URL.canParse(server)) throw wrong("is not a URL");
  // The library sends credentials over plain HTTP only where the certificate would not be looked at either.
  if (!server.startsWith("https:") && !cluster.skipTLSVerify) throw wrong("must be https");
  return server;
}
