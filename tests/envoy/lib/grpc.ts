import { connect, createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { TestContext } from "node:test";
import { portOf } from "./upstream.ts";

/** How the upstream ends a call, chosen by the request's path. */
export type GrpcHandler = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/** What a gRPC client sees of a call. */
export interface GrpcOutcome {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly trailers: Readonly<Record<string, unknown>>;
  /** From the trailers, else the headers. */
  readonly status: number | undefined;
}

/** One gRPC message of two bytes. */
export const message = Buffer.from([0, 0, 0, 0, 2, 8, 1]);

/** Starts an HTTP/2 service without TLS; it ends with the test. */
export async function startGrpcUpstream(t: TestContext, handler: GrpcHandler): Promise<number> {
  const server = createServer();
  server.on("stream", (stream, headers) => {
    stream.on("error", () => undefined);
    handler(stream, headers);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
  });
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return portOf(server);
}

/** Answers with one message and this status in the trailers. */
export function answerGrpc(
  stream: ServerHttp2Stream,
  status: number,
  trailers: Readonly<Record<string, string>> = {},
): void {
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": String(status), ...trailers }));
  stream.end(message);
}

/** What a call may add. */
export interface CallOptions {
  readonly trailers?: Readonly<Record<string, string>>;
  /** The message is held back until then. */
  readonly after?: Promise<unknown>;
}

/** Makes one gRPC call over HTTP/2. */
export function callGrpc(
  port: number,
  path: string,
  headers: Readonly<Record<string, string | string[]>> = {},
  { trailers: sent, after }: CallOptions = {},
): Promise<GrpcOutcome> {
  const session = connect(`http://127.0.0.1:${port}`);
  return new Promise((resolve, reject) => {
    const seen: { headers: Record<string, unknown>; trailers: Record<string, unknown> } = {
      headers: {},
      trailers: {},
    };
    session.once("error", reject);
    const fixed = {
      ":method": "POST",
      ":path": path,
      ":authority": "trading.test",
      "content-type": "application/grpc",
      te: "trailers",
    };
    const stream = session.request({ ...fixed, ...headers }, { waitForTrailers: sent !== undefined });
    stream.once("wantTrailers", () => stream.sendTrailers({ ...sent }));
    stream.setTimeout(10_000, () => reject(new Error(`no end of the call ${path} within 10 s`)));
    stream.once("response", (response) => (seen.headers = response));
    stream.once("trailers", (received) => (seen.trailers = received));
    stream.on("error", () => undefined);
    stream.resume();
    stream.once("close", () => {
      const status = seen.trailers["grpc-status"] ?? seen.headers["grpc-status"];
      resolve({ ...seen, status: status === undefined ? undefined : Number(status) });
      session.close();
    });
    if (after === undefined) stream.end(message);
    else void after.then(() => stream.end(message));
  });
}
