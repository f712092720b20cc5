import { readFile } from "node:fs/promises";
import { rootCertificates } from "node:tls";
import { Agent, EnvHttpProxyAgent, fetch, type Dispatcher, type RequestInit, type Response } from "undici";
import { CliError } from "../../../scripts/lib/cli.ts";
import { wordsOf } from "../given-file.ts";
import { causeOf } from "../cause.ts";
import { apiHost, isLoopback } from "./reference.ts";

/** How a registry is reached. */
export interface TransportOptions {
  /** File with certificates (PEM) to trust beside the public ones. */
  readonly caFile?: string;
  /** Plain HTTP, to a registry on this machine only. */
  readonly insecure?: boolean;
  /** Plain HTTP to any registry. */
  readonly insecureRemote?: boolean;
  /** For one request; default 60 s. */
  readonly timeoutMillis?: number;
}

/** Sends requests to one registry and to where it sends us. Close it when done: idle connections keep a process alive. */
export interface Transport {
  /** `https://host`, without a slash at its end. */
  readonly base: string;
  /** Answers of any status; a CliError that says `what` when there is none. */
  send(what: string, url: string, request: RequestInit): Promise<Response>;
  close(): Promise<void>;
}

const defaultMillis = 60_000;

/** Opens the way to a registry. A CliError for plain HTTP to another machine that was not asked for twice. */
export async function openTransport(registry: string, options: TransportOptions): Promise<Transport> {
  const plain = options.insecure === true || options.insecureRemote === true;
  if (plain && !isLoopback(registry) && options.insecureRemote !== true) {
    throw new CliError(
      `registry ${registry} is not on this machine: plain HTTP would show credentials and images to the network`,
      "leave out --insecure, give its certificate with --ca-file, or say --insecure-remote",
    );
  }
  const dispatcher = await dispatcherFor(registry, options.caFile);
  const timeoutMillis = options.timeoutMillis ?? defaultMillis;
  return {
    base: `${plain ? "http" : "https"}://${apiHost(registry)}`,
    async send(what, url, request) {
      const signal = AbortSignal.timeout(timeoutMillis);
      try {
        const headers = { ...headersOf(request), "user-agent": "tickgate" };
        return await fetch(url, { ...request, headers, dispatcher, signal });
      } catch (error) {
        const reason = signal.aborted ? `no answer within ${timeoutMillis / 1000} s` : reasonOf(error);
        throw new CliError(`registry ${registry}: ${what}: ${reason}`, hintFor(reason));
      }
    },
    // An answer whose body nobody read would hold a graceful close up.
    close: () => dispatcher.destroy(),
  };
}

async function dispatcherFor(registry: string, caFile: string | undefined): Promise<Dispatcher> {
  const ca = caFile === undefined ? undefined : [...rootCertificates, await readCertificates(caFile)];
  const tls = ca === undefined ? {} : { ca };
  // A proxy of the environment has no way back to this machine.
  return isLoopback(registry)
    ? new Agent({ connect: tls })
    : new EnvHttpProxyAgent({ connect: tls, requestTls: tls });
}

async function readCertificates(file: string): Promise<string> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw new CliError(`--ca-file ${file} can't be read: ${wordsOf(error)}`);
  });
  if (!text.includes("-----BEGIN CERTIFICATE-----"))
    throw new CliError(`--ca-file ${file} holds no PEM certificate`);
  return text;
}

/** Headers of a request as an object. */
export function headersOf({ headers }: RequestInit): Record<string, string> {
  return headers === undefined
    ? {}
    : Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

/** The cause, of OpenSSL's own lines (`...:error:0A00010B:SSL routines:function:reason:file:line:`) the reason. */
function reasonOf(error: unknown): string {
  const cause = causeOf(error).trim();
  return /:error:\w+:[^:]*:[^:]*:([^:]+):/.exec(cause)?.[1] ?? cause;
}

function hintFor(reason: string): string | undefined {
  if (/self.signed|unable to (get|verify)|certificate/i.test(reason))
    return "--ca-file names the certificate to trust";
  if (/wrong version number|packet length|EPROTO/i.test(reason)) return "it may speak plain HTTP: --insecure";
  if (/other side closed|socket hang up/i.test(reason)) return "it may speak HTTPS: leave out --insecure";
  return undefined;
}
