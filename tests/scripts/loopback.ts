import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { TestContext } from "node:test";

/** Serves plain HTTP on a free port of 127.0.0.1 until the test ends. Returns the port. */
export async function serveOnLoopback(t: TestContext, listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  return address.port;
}
