import { readFile } from "node:fs/promises";
import { createServer } from "node:https";
import { connect } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";
import { resources } from "../../../deploy/tool/cluster/resources.ts";
import { sleep } from "../../../scripts/lib/process.ts";
import type { ApiServer } from "./api-server.ts";
import { portOf } from "./ports.ts";
import { node } from "./workload.ts";

/** What a kubelet is to the API server when it forwards ports of the node's pods. */
export interface Kubelet {
  /** Streams opened since the start, and those open now. */
  readonly streams: { readonly opened: number; readonly open: number };
  /** From now on every stream opens so much later. */
  delay(millis: number): void;
  /** Ends it as a node that goes down; the API server keeps the Node object. */
  stop(): Promise<void>;
}

const subprotocol = "v4.channel.k8s.io";
const channels = { data: 0, error: 1 } as const;

/** Creates the Node object of the pods and serves its `/portForward`; every pod's own address stands for its loopback. */
export async function startKubelet(api: ApiServer): Promise<Kubelet> {
  const { certificate } = api.kubernetes;
  const server = createServer({
    cert: await readFile(certificate.path),
    key: await readFile(certificate.key),
  });
  let delayMillis = 0;
  const sockets = new WebSocketServer({
    server,
    // The client offers v5 first, which kubelets do not have for ports.
    handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
    verifyClient: (_request, accept: (accepted: boolean) => void) =>
      void sleep(delayMillis).then(() => accept(true)),
  });
  let opened = 0;
  sockets.on("connection", (socket, request) => {
    opened += 1;
    const url = new URL(request.url ?? "/", "https://kubelet");
    serve(api, socket, url).catch(({ message }: Error) => socket.close(1011, message));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  await createNode(api, portOf(server));
  return {
    get streams() {
      return { opened, open: sockets.clients.size };
    },
    delay(millis) {
      delayMillis = millis;
    },
    async stop() {
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function createNode(api: ApiServer, port: number): Promise<void> {
  await api.create("nodes", { metadata: { name: node } }, "v1", "");
  const status = {
    addresses: [{ type: "InternalIP", address: "127.0.0.1" }],
    daemonEndpoints: { kubeletEndpoint: { Port: port } },
  };
  await api.admin.request({
    verb: "patch",
    resource: { group: "", version: "v1", plural: `nodes/${node}/status` },
    contentType: "application/merge-patch+json",
    body: { status },
  });
}

/** One stream, `/portForward/<namespace>/<pod>?port=<number>`: each message starts with the number of its channel. */
async function serve(api: ApiServer, socket: WebSocket, url: URL): Promise<void> {
  const [, , namespace = "", pod = ""] = url.pathname.split("/");
  const port = Number(url.searchParams.get("port"));
  const send = (channel: number, payload: Uint8Array): void =>
    socket.send(Buffer.concat([Uint8Array.of(channel), payload]));
  // The first message of a channel names the port it belongs to, in little endian.
  const portBytes = Uint8Array.of(port & 0xff, port >> 8);
  send(channels.data, portBytes);
  send(channels.error, portBytes);
  socket.pause();
  const upstream = connect(port, await addressOf(api, namespace, pod));
  socket.resume();
  upstream.on("data", (chunk) => send(channels.data, chunk));
  upstream.on("error", ({ message }) =>
    send(channels.error, Buffer.from(`error forwarding port ${port} to pod ${pod}: ${message}`)),
  );
  upstream.on("close", () => socket.close());
  socket.on("close", () => upstream.destroy());
  socket.on("message", (message) => {
    if (Buffer.isBuffer(message) && message[0] === channels.data) upstream.write(message.subarray(1));
  });
}

async function addressOf(api: ApiServer, namespace: string, name: string): Promise<string> {
  const pod = await api.admin.request<{ status: { podIP: string } }>({
    verb: "get",
    resource: resources.pods,
    namespace,
    name,
  });
  return pod.status.podIP;
}
