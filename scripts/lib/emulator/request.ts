import { micros } from "./clock.ts";
import type { HeaderMap, HeadersInit } from "./headers.ts";
import { HeaderMap as Headers } from "./headers.ts";
import type { Observation } from "./observation.ts";
import type { PropertyValue } from "./properties.ts";
import { ResponseFlag } from "./status.ts";
import type { ForeignReply, Stream, StreamOptions } from "./stream.ts";

/** How long the upstream takes, in microseconds of the proxy's clock; 0 by default. */
export interface UpstreamTimes {
  /** From the request's leaving the filter until a connection is ready. */
  readonly poolReadyMicros?: number;
  /** From the connection's readiness to the response headers (or the reset, or the caller's leaving). */
  readonly delayMicros?: number;
}

/** The upstream answers. */
export interface UpstreamResponse extends UpstreamTimes {
  readonly kind?: "response";
  /** Default 200. */
  readonly status?: number;
  readonly headers?: HeadersInit;
  readonly body?: string | Uint8Array;
  readonly trailers?: HeadersInit;
  /** From the response headers to the end. */
  readonly bodyMicros?: number;
  /** Property values that appear with the response, e.g. `upstream.address`. */
  readonly properties?: Readonly<Record<string, PropertyValue>>;
}

export type Upstream =
  | UpstreamResponse
  /** The connection breaks before the response: the router answers 503. */
  | (UpstreamTimes & { readonly kind: "reset" })
  /** No connection can be made: the router answers 503. */
  | (UpstreamTimes & { readonly kind: "unreachable" })
  /** The caller leaves before the response: there never is one. */
  | (UpstreamTimes & { readonly kind: "disconnect" })
  /** The caller leaves after the response headers. */
  | (UpstreamTimes & {
      readonly kind: "disconnect_in_body";
      readonly status?: number;
      readonly headers?: HeadersInit;
    })
  /** The router or a later filter answers. */
  | (UpstreamTimes & { readonly kind: "reply"; readonly reply: ForeignReply });

export interface RequestOptions extends StreamOptions {
  /** Default: `GET / http://test.local`. */
  readonly headers?: HeadersInit;
  readonly body?: string | Uint8Array;
  readonly trailers?: HeadersInit;
  /** An earlier filter answers: the filter's first and only callbacks are those of the stream's end. */
  readonly earlyReply?: ForeignReply;
  /** What becomes of the request behind the filter. Default: 200 at once. */
  readonly upstream?: Upstream;
}

const DEFAULT_HEADERS: HeaderMap = Headers.from([
  [":method", "GET"],
  [":path", "/"],
  [":authority", "test.local"],
  [":scheme", "http"],
]);

const RESET_REPLY: ForeignReply = {
  status: 503,
  body: "upstream connect error or disconnect/reset before headers. reset reason: connection termination",
  details: "upstream_reset_before_response_started{connection_termination}",
};

const UNREACHABLE_REPLY: ForeignReply = {
  status: 503,
  body: "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure",
  details:
    "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}",
};

interface TimeHost {
  advanceNanos(nanos: bigint): void;
}

function wait(host: TimeHost, duration: number | undefined): void {
  if (duration !== undefined && duration > 0) host.advanceNanos(micros(duration));
}

function decode(stream: Stream, options: RequestOptions): void {
  const { headers = DEFAULT_HEADERS, body, trailers } = options;
  stream.requestHeaders(headers, body === undefined && trailers === undefined);
  if (body !== undefined && !stream.responded) stream.requestBody(body, trailers === undefined);
  if (trailers !== undefined && !stream.responded) stream.requestTrailers(trailers);
}

function respond(stream: Stream, upstream: UpstreamResponse, host: TimeHost): void {
  const { body, trailers, status } = upstream;
  const headers = Headers.from(upstream.headers ?? {});
  if (status !== undefined) headers.replace(":status", String(status));
  stream.responseHeaders(headers, body === undefined && trailers === undefined);
  wait(host, upstream.bodyMicros);
  if (body !== undefined) stream.responseBody(body, trailers === undefined);
  if (trailers !== undefined) stream.responseTrailers(trailers);
  stream.upstreamEnd();
}

function proceed(stream: Stream, upstream: Upstream, host: TimeHost): void {
  wait(host, upstream.poolReadyMicros);
  // A connection that could not be made ends the wait for it just as one that was.
  if (upstream.kind !== "reply") stream.upstreamReady();
  if ("properties" in upstream && upstream.properties !== undefined) stream.supply(upstream.properties);
  wait(host, upstream.delayMicros);
  switch (upstream.kind) {
    case "reset":
      stream.info.responseFlags |= ResponseFlag.UpstreamConnectionTermination;
      return stream.answeredLater(RESET_REPLY);
    case "unreachable":
      stream.info.responseFlags |= ResponseFlag.UpstreamConnectionFailure;
      return stream.answeredLater(UNREACHABLE_REPLY);
    case "disconnect":
      return stream.reset("downstream_remote_disconnect", ResponseFlag.DownstreamConnectionTermination);
    case "disconnect_in_body":
      stream.responseHeaders(
        Headers.from(upstream.headers ?? { ":status": String(upstream.status ?? 200) }),
        false,
      );
      stream.info.responseFlags |= ResponseFlag.DownstreamConnectionTermination;
      return undefined;
    case "reply":
      return stream.answeredLater(upstream.reply);
    default:
      return respond(stream, upstream, host);
  }
}

/**
 * Drives one stream through its whole life. A request the filter holds back without answering ends as the
 * caller's disconnect.
 */
export function runRequest(stream: Stream, options: RequestOptions, host: TimeHost): Observation {
  if (options.earlyReply !== undefined) {
    stream.answeredEarlier(options.headers ?? DEFAULT_HEADERS, options.earlyReply);
    return stream.end();
  }
  decode(stream, options);
  if (stream.forwarded && !stream.responded) proceed(stream, options.upstream ?? {}, host);
  if (!stream.responded)
    stream.reset("downstream_remote_disconnect", ResponseFlag.DownstreamConnectionTermination);
  return stream.end();
}
