import { int64Bytes, lowerCase, toByteString, type ByteString } from "./bytes.ts";
import { grpcStatusOf } from "./grpc.ts";
import type { HeaderMap } from "./headers.ts";
import { encodePairs } from "./pairs.ts";
import type { StreamInfo } from "./stream-info.ts";

/** A value a test gives for a property: text and bytes as they are, bigint as i64, boolean as one byte. */
export type PropertyValue = string | Uint8Array | bigint | boolean;

/** Encodes a value as Envoy serialises it for a filter. */
export function encodeProperty(value: PropertyValue): ByteString {
  if (typeof value === "bigint") return int64Bytes(value);
  if (typeof value === "boolean") return value ? "\x01" : "\0";
  return toByteString(value);
}

/** Encodes an object of dotted paths. */
export function encodeProperties(
  values: Readonly<Record<string, PropertyValue>>,
): [ByteString, ByteString][] {
  return Object.entries(values).map(([path, value]) => [toByteString(path), encodeProperty(value)]);
}

/** What property look-ups see: the stream, and the header maps that are at hand in this phase. */
export interface PropertyScope {
  readonly info: StreamInfo;
  /** Gone between the request's Continue and `proxy_on_log`. */
  readonly requestHeaders: HeaderMap | undefined;
  readonly responseHeaders: HeaderMap | undefined;
  readonly responseTrailers: HeaderMap | undefined;
}

// NotFound before the stream is over, even where a test supplies it.
const AFTER_COMPLETION = new Set(["request.duration"]);
const NOT_A_PROPERTY = undefined;

function optionalInt(value: bigint | number | undefined): ByteString | undefined {
  return value === undefined ? undefined : int64Bytes(BigInt(value));
}

function urlParts(path: ByteString): { path: ByteString; query: ByteString } {
  const mark = path.indexOf("?");
  if (mark < 0) return { path, query: "" };
  return { path: path.slice(0, mark), query: path.slice(mark + 1).replace(/#.*$/s, "") };
}

// Envoy joins the copies of a header with a comma here, unlike proxy_get_header_map_value.
function headerProperty(map: HeaderMap | undefined, name: ByteString | undefined): ByteString | undefined {
  if (name === undefined) return map === undefined || map.length === 0 ? "" : encodePairs(map);
  const values = map?.getAll(lowerCase(name)) ?? [];
  return values.length > 0 ? values.join(",") : undefined;
}

const REQUEST_HEADER_OF: Readonly<Record<string, ByteString>> = {
  path: ":path",
  host: ":authority",
  scheme: ":scheme",
  method: ":method",
  referer: "referer",
  id: "x-request-id",
  useragent: "user-agent",
};

function requestProperty(name: string, scope: PropertyScope): ByteString | undefined {
  const { info, requestHeaders: headers } = scope;
  const header = REQUEST_HEADER_OF[name];
  if (header !== undefined) return headers?.get(header);
  const length = headers?.get("content-length");
  switch (name) {
    case "url_path":
      return headers && urlParts(headers.get(":path") ?? "").path;
    case "query":
      return headers && urlParts(headers.get(":path") ?? "").query;
    case "headers_bytes":
      return int64Bytes(BigInt(headers?.byteSize ?? 0));
    case "time":
      return int64Bytes(info.origin.startWall);
    case "protocol":
      return toByteString(info.origin.protocol);
    case "size":
      return int64Bytes(
        length !== undefined && /^\d{1,18}$/.test(length) ? BigInt(length) : BigInt(info.bytesReceived),
      );
    case "total_size":
      return int64Bytes(BigInt(info.bytesReceived + (headers?.byteSize ?? 0)));
    case "duration":
      return info.completeAt === undefined
        ? undefined
        : int64Bytes(info.completeAt - info.origin.startMonotonic);
    default:
      return NOT_A_PROPERTY;
  }
}

function responseProperty(name: string, scope: PropertyScope): ByteString | undefined {
  const { info, responseHeaders: headers, responseTrailers: trailers } = scope;
  const headerBytes = headers?.byteSize ?? 0;
  switch (name) {
    case "code":
      return optionalInt(info.responseCode);
    case "code_details":
      return info.codeDetails;
    case "flags":
      return int64Bytes(info.responseFlags);
    case "grpc_status":
      return optionalInt(grpcStatusOf(trailers, headers, info.responseCode));
    case "size":
      return int64Bytes(BigInt(info.bytesSent));
    case "headers_bytes":
      return int64Bytes(BigInt(headerBytes));
    case "total_size":
      return int64Bytes(BigInt(info.bytesSent + headerBytes + (trailers?.byteSize ?? 0)));
    case "backend_latency":
      if (info.upstreamReadyAt === undefined || info.upstreamEndAt === undefined) return undefined;
      return int64Bytes(info.upstreamEndAt - info.upstreamReadyAt);
    default:
      return NOT_A_PROPERTY;
  }
}

function connectionProperty(name: string, info: StreamInfo): ByteString | undefined {
  const { mtls, uriSanPeerCertificate, id } = info.origin.connection;
  switch (name) {
    case "mtls":
      return encodeProperty(mtls ?? uriSanPeerCertificate !== undefined);
    case "uri_san_peer_certificate":
      return uriSanPeerCertificate && toByteString(uriSanPeerCertificate);
    case "id":
      return optionalInt(id);
    default:
      return NOT_A_PROPERTY;
  }
}

function upstreamProperty(name: string, info: StreamInfo): ByteString | undefined {
  if (name === "request_attempt_count") return int64Bytes(info.routedAt === undefined ? 0n : 1n);
  if (name !== "cx_pool_ready_duration" || info.upstreamReadyAt === undefined) return NOT_A_PROPERTY;
  // Counted from the router's own start, not from the request's.
  return int64Bytes(info.upstreamReadyAt - (info.routedAt ?? info.origin.startMonotonic));
}

function derived(parts: readonly ByteString[], scope: PropertyScope): ByteString | undefined {
  const [top = "", name = "", third] = parts;
  switch (top) {
    case "request":
      return name === "headers" ? headerProperty(scope.requestHeaders, third) : requestProperty(name, scope);
    case "response":
      if (name === "headers") return headerProperty(scope.responseHeaders, third);
      if (name === "trailers") return headerProperty(scope.responseTrailers, third);
      return responseProperty(name, scope);
    case "connection":
      return connectionProperty(name, scope.info);
    case "upstream":
      return upstreamProperty(name, scope.info);
    case "filter_state":
      return scope.info.filterState.get(name);
    default:
      // A top name Envoy does not know is looked up in the filter state a wasm filter wrote.
      return parts.length === 1 ? scope.info.filterState.get(`wasm.${top}`) : undefined;
  }
}

/** A property by its NUL-separated path, or undefined for NotFound. */
export function streamProperty(path: ByteString, scope: PropertyScope): ByteString | undefined {
  const { info } = scope;
  const parts = path.split("\0");
  const dotted = parts.join(".");
  const hidden =
    (AFTER_COMPLETION.has(dotted) && info.completeAt === undefined) ||
    (parts[0] === "upstream" && info.upstreamReadyAt === undefined);
  const supplied = hidden ? undefined : info.properties.get(dotted);
  return supplied ?? info.origin.pluginProperties.get(dotted) ?? derived(parts, scope);
}
