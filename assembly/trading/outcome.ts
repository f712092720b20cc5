import { Result } from "../metrics/catalog";
import { sameBytes } from "../text/bytes";
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

/** Result of a gRPC status, classed as the HTTP status it maps to (google.rpc.Code). */
export function resultOfGrpc(status: i32): Result {
  switch (status) {
    case 0:
      return Result.Ok;
    case 2: // UNKNOWN
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

const GRPC_BYTES: u32 = 16;
const grpc = memory.data<u8>([
  0x61, 0x70, 0x70, 0x6c, 0x69, 0x63, 0x61, 0x74, 0x69, 0x6f, 0x6e, 0x2f, 0x67, 0x72, 0x70, 0x63,
]);

/** Whether a content type is `application/grpc*`. */
export function isGrpc(contentType: HeaderValue): bool {
  return startsWith(contentType, grpc, GRPC_BYTES);
}

function startsWith(value: HeaderValue, prefix: usize, length: u32): bool {
  return value.copies != 0 && value.len >= length && sameBytes(value.ptr, length, prefix, length);
}

const EVENT_STREAM_BYTES: u32 = 17;
const eventStream = memory.data<u8>([
  0x74, 0x65, 0x78, 0x74, 0x2f, 0x65, 0x76, 0x65, 0x6e, 0x74, 0x2d, 0x73, 0x74, 0x72, 0x65, 0x61, 0x6d,
]);

/** Whether a content type is `text/event-stream`, with or without parameters. */
export function isEventStream(contentType: HeaderValue): bool {
  return startsWith(contentType, eventStream, EVENT_STREAM_BYTES);
}
