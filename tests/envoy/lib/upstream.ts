import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

/** What the upstream does with one request. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** An HTTP/1.1 service on a free loopback port. */
export interface Upstream {
  readonly port: number;
  readonly server: Server;
  /** Requests that have reached it. */
  readonly received: readonly IncomingMessage[];
}

const answer: Handler = (request, response) => {
  request.resume();
  const status = Number(request.headers["x-want-status"] ?? 200);
  response.writeHead(status, { "content-type": "text/plain" }).end(`${request.url}\n`);
};

/** Starts a service that answers 200, or what `x-want-status` says; it ends with the test. */
export async function startUpstream(t: TestContext, handler: Handler = answer): Promise<Upstream> {
  const received: IncomingMessage[] = [];
  const server = createServer({ maxHeaderSize: 1 << 18 }, (request, response) => {
    received.push(request);
    handler(request, response);
  });
  server.maxHeadersCount = 0;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: portOf(server), server, received };
}

/** Port of a listening server. */
export function portOf(server: { address(): string | AddressInfo | null }): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a TCP server has no port");
  return address.port;
}
