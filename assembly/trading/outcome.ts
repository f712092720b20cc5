import { Text, textLength } from "../text/literal";
import { Result } from "../metrics/catalog";
import { spells } from "../text/bytes";
import { HeaderValue } from "./headers";

/** Reads a number of at most 3 digits; -1 when it is none. */
export function smallNumber(value: HeaderValue): i32 {
  if (value.copies == 0 || value.len == 0 || value.len > 3) return -1;
  let number: i32 = 0;
  for (let i: u32 = 0; i < value.len; i++) {
    const digit = load<u8>(value.ptr + i) - 0x30;
    if (digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number;
}

/** Result of an HTTP status code; -1 (no response headers) is `Aborted`. */
export function resultOfStatus(status: i32): Result {
  if (status < 0) return Result.Aborted;
  if (status < 400) return Result.Ok;
  return status < 500 ? Result.ClientError : Result.ServerError;
}

const UNKNOWN: i32 = 2;

/** A gRPC status; what can't be read as one is UNKNOWN, as clients take it. */
export function grpcCode(value: HeaderValue): i32 {
  const code = smallNumber(value);
  return code < 0 ? UNKNOWN : code;
}

/** Result of a gRPC status, classed as the HTTP status it maps to (google.rpc.Code). */
export function resultOfGrpc(status: i32): Result {
  switch (status) {
    case 0:
      return Result.Ok;
    case UNKNOWN:
    case 4: // DEADLINE_EXCEEDED
    case 12: // UNIMPLEMENTED
    case 13: // INTERNAL
    case 14: // UNAVAILABLE
    case 15: // DATA_LOSS
      return Result.ServerError;
    default:
      return status <= 16 ? Result.ClientError : Result.ServerError;
  }
}

// "applicat" and "ion/grpc" as words.
const GRPC_FIRST: u64 = 0x74616369_6c707061;
const GRPC_SECOND: u64 = 0x63707267_2f6e6f69;

/** Whether a content type is `application/grpc*`. */
export function isGrpc(contentType: HeaderValue): bool {
  if (contentType.copies == 0 || contentType.len < 16) return false;
  return load<u64>(contentType.ptr) == GRPC_FIRST && load<u64>(contentType.ptr, 8) == GRPC_SECOND;
}

/** Whether Envoy takes a request for gRPC and answers it so: `application/grpc`, alone or with `+` and a format. */
export function isGrpcRequest(contentType: HeaderValue): bool {
  return isGrpc(contentType) && (contentType.len == 16 || load<u8>(contentType.ptr, 16) == 0x2b);
}

function startsWith(value: HeaderValue, prefix: Text): bool {
  const length = textLength(prefix);
  return value.copies != 0 && value.len >= length && spells(value.ptr, length, prefix);
}

/** Whether a content type is `text/event-stream`, with or without parameters. */
export function isEventStream(contentType: HeaderValue): bool {
  return startsWith(contentType, "text/event-stream");
}
