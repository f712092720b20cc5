import { grpcMessage, grpcStatusOfHttp, isGrpc } from "./grpc.ts";
import { HeaderMap } from "./headers.ts";
import type { LocalReply } from "./host-types.ts";

/** A reply as it goes through the response filters. */
export interface PreparedReply {
  readonly headers: HeaderMap;
  readonly body: string;
}

const HTTP_OK = "200";

function grpcReply(reply: LocalReply, headers: HeaderMap, head: boolean): PreparedReply {
  headers.replace(":status", HTTP_OK);
  headers.replace("content-type", "application/grpc");
  if (headers.get("grpc-status") === undefined) {
    headers.replace("grpc-status", String(reply.grpcStatus ?? grpcStatusOfHttp(reply.status)));
  }
  if (reply.body !== "" && !head) headers.replace("grpc-message", grpcMessage(reply.body));
  headers.remove("content-length");
  return { headers, body: "" };
}

/** Builds a local reply as Envoy's `Http::Utility::prepareLocalReply`: trailers-only for a gRPC request. */
export function prepareReply(reply: LocalReply, request: HeaderMap | undefined): PreparedReply {
  const headers = HeaderMap.from([[":status", String(reply.status)]]);
  for (const [name, value] of reply.headers) headers.add(name, value);
  const head = request?.get(":method") === "HEAD";
  if (isGrpc(request)) return grpcReply(reply, headers, head);
  if (reply.body === "") {
    headers.remove("content-length");
    headers.remove("content-type");
    return { headers, body: "" };
  }
  headers.replace("content-length", String(reply.body.length));
  if (headers.get("content-type") === undefined) headers.add("content-type", "text/plain");
  return { headers, body: head ? "" : reply.body };
}
