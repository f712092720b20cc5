import type { Socket } from "node:net";
import type { TestContext } from "node:test";
import { startGateway, type Gateway, type GatewayOptions } from "./gateway.ts";
import { jsonLog } from "./lines.ts";
import type { RawResponse } from "./raw.ts";

export { openSocket, type RawHeaders, type RawResponse } from "./raw.ts";

const timeoutMillis = 10_000;

/** Reads from an open connection until the text matches; an error when it ends or goes quiet before. */
export function readFor(socket: Socket, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const finish = (error?: Error): void => {
      clearTimeout(timer);
      socket.removeListener("data", onData);
      socket.removeListener("close", onClose);
      if (error === undefined) resolve(text);
      else reject(error);
    };
    const fail = (why: string): void => finish(new Error(`${why} before ${pattern}: ${text.slice(0, 500)}`));
    const onClose = (): void => fail("the connection closed");
    const onData = (chunk: Buffer): void => {
      text += chunk.toString("latin1");
      if (pattern.test(text)) finish();
    };
    const timer = setTimeout(() => fail("timed out"), timeoutMillis);
    socket.on("data", onData);
    socket.once("close", onClose);
  });
}

const log = jsonLog({
  code: "%RESPONSE_CODE%",
  details: "%RESPONSE_CODE_DETAILS%",
  flags: "%RESPONSE_FLAGS%",
});

/** Starts the filter with an access log of codes and details. */
export function startLogged(
  t: TestContext,
  configuration: object,
  options: GatewayOptions = {},
): Promise<Gateway> {
  const listener = { accessLog: [log], ...options.listener };
  return startGateway(t, { configuration, ...options, listener });
}

/** The headers of a response without those that Envoy itself adds. */
export function ownFields({ headers }: RawResponse): Record<string, string> {
  const { date: _date, server: _server, connection: _connection, ...own } = headers;
  return own;
}
