import { connect, createServer, type Server } from "node:net";

/**
 * Loopback ports that were free a moment ago and differ from each other. Programs that write their own listeners
 * (istiod, Envoy under Istio) need the numbers before they start.
 */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, () => listen(createServer(), "0.0.0.0", 0)),
  );
  const ports = servers.map(portOf);
  await Promise.all(servers.map(close));
  return ports;
}

/** A named port each, see `freePorts`. */
export async function namedPorts<K extends string>(...names: readonly K[]): Promise<Record<K, number>> {
  const ports = await freePorts(names.length);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return Object.fromEntries(names.map((name, index) => [name, ports[index]])) as Record<K, number>;
}

/** Something that listens until it is closed. */
export interface Listening {
  close(): Promise<void>;
}

/** Passes every connection to `address:port` on to a loopback port, as a pod's own address would be reached. */
export async function forward(address: string, port: number, target: number): Promise<Listening> {
  const open = new Set<() => void>();
  const server = createServer((client) => {
    const upstream = connect(target, "127.0.0.1");
    const end = (): void => {
      client.destroy();
      upstream.destroy();
      open.delete(end);
    };
    open.add(end);
    client.on("error", end).on("close", end);
    upstream.on("error", end).on("close", end);
    client.pipe(upstream).pipe(client);
  });
  await listen(server, address, port);
  let closed: Promise<void> | undefined;
  return {
    async close() {
      closed ??= close(server);
      for (const end of open) end();
      await closed;
    },
  };
}

function listen(server: Server, address: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

/** The port that a server listens on. */
export function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a TCP server has no port");
  return address.port;
}
