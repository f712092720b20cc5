import type { IncomingHttpHeaders } from "node:http";

/** What a request's headers tell the latency server to do. */
export interface Orders {
  readonly id: string;
  /** `x-wait-ms`: before the response's headers. */
  readonly waitMillis: number;
  /** `x-body-ms`: from the headers to the end of the body. */
  readonly bodyMillis: number;
  /** `x-failures`: so many attempts of this id are answered 503. */
  readonly failures: number;
  /** `x-dies`: the connection breaks before the response, or midway through it. */
  readonly dies: "before" | "midway" | "never";
  /** `x-needs-body`: waits for the request's body first. */
  readonly needsBody: boolean;
  /** `x-type`: content type of the response. */
  readonly type: string;
}

/** One attempt of one request, in microseconds of the server's monotonic clock. */
export interface Visit {
  readonly id: string;
  readonly attempt: number;
  readonly receivedMicros: number;
  /** Just before the response's headers were written. */
  answeredMicros?: number;
  endedMicros?: number;
  /** Names and values as received. */
  headers?: readonly string[];
}

/** Reads the orders of a request. */
export function readOrders(headers: IncomingHttpHeaders): Orders {
  const text = (name: string): string => String(headers[name] ?? "");
  const dies = text("x-dies");
  return {
    id: text("x-request-id"),
    waitMillis: Number(text("x-wait-ms")),
    bodyMillis: Number(text("x-body-ms")),
    failures: Number(text("x-failures")),
    dies: dies === "before" || dies === "midway" ? dies : "never",
    needsBody: text("x-needs-body") !== "",
    type: text("x-type") || "text/plain",
  };
}
