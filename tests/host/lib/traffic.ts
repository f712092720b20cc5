import type {
  HeaderValue,
  LabelFilter,
  RequestOptions,
  Upstream,
} from "../../../scripts/lib/emulator/index.ts";

type Headers = Readonly<Record<string, HeaderValue | readonly string[]>>;
type HeaderPair = readonly [string, HeaderValue];

/** One request as tests speak of it: only what is special about it. */
export interface Sent extends Omit<RequestOptions, "headers"> {
  /** Beside the pseudo-headers; an array is that many copies. A list is taken as it stands. */
  readonly headers?: Headers | readonly HeaderPair[];
  readonly method?: string;
  readonly path?: string;
  readonly worker?: number;
}

/** The request as the emulator takes it. */
export function sendersOf(sent: Sent): RequestOptions {
  const { headers = {}, method = "GET", path = "/", worker: _worker, ...rest } = sent;
  return { ...rest, headers: [...pseudoHeaders(method, path), ...listOf(headers)] };
}

/** The four headers every request has. */
export function pseudoHeaders(method: string, path: string): HeaderPair[] {
  return [
    [":method", method],
    [":path", path],
    [":authority", "trading.test"],
    [":scheme", "http"],
  ];
}

function listOf(headers: Headers | readonly HeaderPair[]): readonly HeaderPair[] {
  if (isList(headers)) return headers;
  return Object.entries(headers).flatMap(([name, value]): HeaderPair[] => {
    if (typeof value === "string" || value instanceof Uint8Array) return [[name, value]];
    return value.map((one) => [name, one]);
  });
}

function isList(headers: Headers | readonly HeaderPair[]): headers is readonly HeaderPair[] {
  return Array.isArray(headers);
}

/** Whether labels are as wanted; labels that are not spoken of may be anything. */
export function expectedOf(wanted: LabelFilter, labels: LabelFilter): boolean {
  return Object.entries(wanted).every(([label, value]) => labels[label] === value);
}

/** An upstream's gRPC answer: its status in the trailers, or in the headers when it has no message. */
export function grpcAnswer(
  status: string,
  place: "headers" | "trailers",
  type = "application/grpc",
): Upstream {
  if (place === "headers") return { headers: { "content-type": type, "grpc-status": status } };
  return { headers: { "content-type": type }, body: "message", trailers: { "grpc-status": status } };
}
