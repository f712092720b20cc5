import { RESPONSE_HEADERS, RESPONSE_TRAILERS } from "../host/abi";
import { wallNanos } from "../host/clock";
import { readHeader, readPairs } from "../host/headers";
import { readProperty } from "../host/properties";
import { Status } from "../host/status";
import { returnedBytes, returnedLength } from "../host/value";
import { Failure, Result } from "../metrics/catalog";
import { noteFailure } from "../metrics/failures";
import { Plugin } from "../plugin";
import { HeaderValue } from "../trading/headers";
import { decimalValue, NO_NUMBER } from "../trading/numbers";
import {
  isEventStream,
  grpcCode,
  isGrpc,
  resultOfGrpc,
  resultOfStatus,
  smallNumber,
} from "../trading/outcome";
import { Stage, StageReader, STAGE_READER_BYTES } from "../trading/servertiming";

const trailer = memory.data(12);
const stages = memory.data(STAGE_READER_BYTES);
const SWITCHING_PROTOCOLS: i32 = 101;
/** Metrics read from one response; what follows is not looked at. */
const MAX_STAGES_READ: u32 = 64;

/** Reads the response's headers into the plugin's scan and classes the outcome; `Aborted` when none were ever sent. */
export function readOutcome(plugin: Plugin): Result {
  const scan = plugin.response;
  const status = readPairs(RESPONSE_HEADERS);
  if (status != Status.Ok) scan.clear();
  if (status == Status.NotFound) return Result.Aborted;
  if (status != Status.Ok || !scan.read(returnedBytes(), returnedLength())) {
    noteFailure(Failure.Headers);
    return Result.Failed;
  }
  const http = resultOfStatus(smallNumber(scan.value(plugin.status)));
  if (!isGrpc(scan.value(plugin.responseType))) return http;
  const grpc = grpcStatus(plugin);
  return grpc < 0 ? http : resultOfGrpc(grpc);
}

/** In the headers of a response without a message, else in the trailers; -1: the stream broke before it. */
function grpcStatus(plugin: Plugin): i32 {
  const inHeaders = plugin.response.value(plugin.grpcStatus);
  if (inHeaders.copies != 0) return grpcCode(inHeaders);
  if (readHeader(RESPONSE_TRAILERS, "grpc-status") != Status.Ok) return -1;
  const value = changetype<HeaderValue>(trailer);
  value.ptr = returnedBytes();
  value.len = returnedLength();
  value.copies = 1;
  return grpcCode(value);
}

/** Whether the response that `readOutcome` has read has no natural end: gRPC, an upgrade, an event stream. */
export function isStream(plugin: Plugin): bool {
  const type = plugin.response.value(plugin.responseType);
  const upgraded = smallNumber(plugin.response.value(plugin.status)) == SWITCHING_PROTOCOLS;
  return upgraded || isGrpc(type) || isEventStream(type);
}

/** Records what the upstream tells in the headers that `readOutcome` has read, which came at `micros` (0: now). */
export function recordTimings(plugin: Plugin, ids: usize, micros: u64): void {
  const lag = plugin.response.value(plugin.marketTimestamp);
  if (lag.copies != 0) recordLag(plugin, ids, lag, micros);
  if (plugin.plan.stageCount == 0) return;
  const timing = plugin.response.value(plugin.serverTiming);
  if (timing.copies == 0) return;
  let value = timing.ptr;
  let length = timing.len;
  // The scan keeps the first copy; the property joins all of them by commas.
  if (timing.copies > 1) {
    const joined = readProperty("response\0headers\0server-timing");
    if (joined != Status.Ok && joined != Status.NotFound) noteFailure(Failure.Properties);
    if (joined == Status.Ok) {
      value = returnedBytes();
      length = returnedLength();
    }
  }
  const reader = changetype<StageReader>(stages).init(value, length);
  for (let i: u32 = 0; i < MAX_STAGES_READ; i++) {
    const found = reader.next();
    if (found == Stage.End) return;
    if (found == Stage.Malformed) noteFailure(Failure.ServerTiming);
    else if (reader.hasDuration)
      plugin.recorder.timings.recordStage(reader.name, reader.nameLength, reader.micros);
  }
}

function recordLag(plugin: Plugin, ids: usize, header: HeaderValue, micros: u64): void {
  // Only now it is known that the moment of arrival is of interest: a clock reading for those who use it.
  plugin.seesMarketData = true;
  const stamp = header.copies == 1 ? decimalValue(header.ptr, header.len) : NO_NUMBER;
  if (stamp == NO_NUMBER) return noteFailure(Failure.MarketTimestamp);
  const now = micros == 0 ? wallNanos() / 1000 : micros;
  if (now < stamp) noteFailure(Failure.Clock);
  plugin.recorder.timings.recordLag(ids, now < stamp ? 0 : now - stamp);
}
