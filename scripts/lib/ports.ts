import { createServer } from "node:net";

/**
 * A loopback port that was free a moment ago. Another process may take it before it is used: where a program can
 * bind port 0 and tell its port (Envoy, node), let it.
 */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("a TCP server has no port");
  return address.port;
}
