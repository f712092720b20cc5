import type { HeaderMap } from "./headers.ts";

const UNKNOWN = 2;

// Grpc::Utility::httpToGrpcStatus.
const OF_HTTP: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
};

/** The gRPC status Envoy gives an HTTP status. */
export function grpcStatusOfHttp(status: number): number {
  return OF_HTTP[status] ?? UNKNOWN;
}

/** Whether a message is gRPC: `application/grpc` or `application/grpc+...`. */
export function isGrpc(headers: HeaderMap | undefined): boolean {
  const type = headers?.get("content-type") ?? "";
  return type === "application/grpc" || type.startsWith("application/grpc+");
}

/** From the trailers, else the headers, else derived from the HTTP status; undefined before there is any. */
export function grpcStatusOf(
  trailers: HeaderMap | undefined,
  headers: HeaderMap | undefined,
  httpStatus: number | undefined,
): number | undefined {
  const told = trailers?.get("grpc-status") ?? headers?.get("grpc-status");
  if (told !== undefined && /^\d{1,9}$/.test(told)) return Number(told);
  return httpStatus === undefined ? undefined : grpcStatusOfHttp(httpStatus);
}

/** Percent-encodes a grpc-message as Envoy does. */
export function grpcMessage(text: string): string {
  return text.replace(/[^\x20-\x24\x26-\x7e]/g, (byte) => {
    const hex = byte.charCodeAt(0).toString(16).toUpperCase();
    return `%${hex.padStart(2, "0")}`;
  });
}
