import { get, type RequestOptions } from "node:http";
import { reasonOf } from "../cause.ts";
import type { PodReply } from "./transport.ts";

/** One HTTP/1.1 GET. Rejects with the network's error, or with the signal's reason once that is aborted. */
export function httpGet(options: RequestOptions, signal: AbortSignal): Promise<PodReply> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(signal.aborted ? reasonOf(signal) : error);
    const request = get({ ...options, signal, headers: { connection: "close" } }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (body += chunk));
      response.once("end", () => resolve({ status: response.statusCode ?? 0, body }));
      response.once("error", fail);
    });
    request.once("error", fail);
  });
}
