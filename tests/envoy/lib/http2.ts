import { connect, constants, type ClientHttp2Session, type OutgoingHttpHeaders } from "node:http2";
import type { TestContext } from "node:test";

/** A response as it came over HTTP/2. */
export interface Http2Response {
  readonly headers: Readonly<Record<string, string>>;
  readonly trailers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The response's headers ended the stream: for gRPC a trailers-only response. */
  readonly headersOnly: boolean;
}

const timeoutMillis = 10_000;

/** An HTTP/2 connection (prior knowledge) to a loopback port; it ends with the test. */
export async function openHttp2(t: TestContext, port: number): Promise<ClientHttp2Session> {
  const session = connect(`http://127.0.0.1:${port}`);
  t.after(() => session.destroy());
  await new Promise<void>((resolve, reject) => {
    session.once("connect", () => resolve());
    session.once("error", reject);
  });
  return session;
}

/** Sends one request and reads the response to its end. */
export function sendHttp2(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: string,
): Promise<Http2Response> {
  const stream = session.request({ ":path": "/", ...headers }, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  return new Promise((resolve, reject) => {
    const seen = { headers: {}, trailers: {}, body: "", headersOnly: false };
    const timer = setTimeout(() => stream.destroy(new Error("no whole HTTP/2 response")), timeoutMillis);
    stream.on("response", (fields, flags) => {
      seen.headers = textsOf(fields);
      seen.headersOnly = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    });
    stream.on("trailers", (fields) => (seen.trailers = textsOf(fields)));
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => (seen.body += chunk));
    stream.once("error", reject);
    stream.once("close", () => {
      clearTimeout(timer);
      resolve(seen);
    });
  });
}

/** The headers of a unary gRPC call. */
export function grpcHeaders(
  path: string,
  headers: Readonly<Record<string, string>> = {},
): OutgoingHttpHeaders {
  return { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers", ...headers };
}

function textsOf(fields: object): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, String(value)]));
}
