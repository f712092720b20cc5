import { request as httpRequest, type OutgoingHttpHeaders, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { reasonOf } from "../cause.ts";
import type { KubeConfig } from "@kubernetes/client-node";

/** One HTTP request to the API server, and its bounds. */
export interface RawRequest {
  readonly method: string;
  readonly url: URL;
  readonly body?: string;
  readonly contentType?: string;
  readonly timeoutMillis: number;
}

/** What came back. */
export interface RawReply {
  readonly status: number;
  readonly body: string;
  /** Empty when the answer names none. */
  readonly contentType: string;
  readonly retryAfterSeconds: number | undefined;
}

/** Sends a request with the kubeconfig's certificates and credentials. Rejects with the network's error, or a TimeoutError. */
export async function send(kubeConfig: KubeConfig, raw: RawRequest): Promise<RawReply> {
  const credentials: OutgoingHttpHeaders = { accept: "application/json" };
  const options: RequestOptions = { method: raw.method, headers: credentials };
  await kubeConfig.applyToHTTPSOptions(options);
  const headers = { ...credentials, ...bodyHeaders(raw) };
  const signal = AbortSignal.timeout(raw.timeoutMillis);
  const start = raw.url.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(signal.aborted ? reasonOf(signal) : error);
    const request = start(raw.url, { ...options, headers, signal }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (body += chunk));
      response.once("error", fail);
      response.once("end", () => {
        const after = Number(response.headers["retry-after"]);
        const retryAfterSeconds = Number.isFinite(after) ? after : undefined;
        const contentType = response.headers["content-type"] ?? "";
        resolve({ status: response.statusCode ?? 0, body, contentType, retryAfterSeconds });
      });
    });
    request.once("error", fail);
    request.end(raw.body);
  });
}

function bodyHeaders({ body, contentType }: RawRequest): Record<string, string> {
  if (body === undefined) return {};
  return {
    "content-type": contentType ?? "application/json",
    "content-length": String(Buffer.byteLength(body)),
  };
}
