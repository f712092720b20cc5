import { proxy_send_local_response } from "./abi";
import { Status, toStatus } from "./status";
import { Range } from "../text/bytes";

/** Pass as gRPC status when there is none. */
export const NO_GRPC_STATUS: i32 = -1;

/**
 * Answers the request in the place of the upstream; only while request headers are handled, and once.
 * `headers` is a pair blob.
 */
export function sendReply(status: u32, grpcStatus: i32, details: Range, headers: Range, body: Range): Status {
  return toStatus(
    proxy_send_local_response(
      status,
      details.ptr,
      details.len,
      body.ptr,
      body.len,
      headers.ptr,
      headers.len,
      grpcStatus,
    ),
  );
}
