import { PassThrough, Duplex, Writable } from "node:stream";
import { PortForward, type KubeConfig } from "@kubernetes/client-node";
import { reasonOf } from "../cause.ts";
import { httpGet } from "./http-get.ts";
import type { PodTransport } from "./transport.ts";

/** What `PortForward` of the client library does, so that a test can stand in for the kubelet. */
export type Forwarder = Pick<PortForward, "portForward">;

/** Fetches pages through the API server's port-forward: one stream to the pod's loopback a page. */
export function forwardTransport(
  kubeConfig: KubeConfig,
  forwarder: Forwarder = new PortForward(kubeConfig, true),
): PodTransport {
  return async ({ namespace, name }, port, path, signal) => {
    signal.throwIfAborted();
    const { stream, failed, ...ends } = byteStream(signal);
    const opened = forwarder.portForward(namespace, name, [port], ends.fromPod, ends.errors, ends.toPod);
    const joined = opened.then((socket) => join(socket, stream, ends.fromPod));
    try {
      await Promise.race([joined, failed]);
      const options = { host: "127.0.0.1", path, createConnection: () => stream };
      return await Promise.race([httpGet(options, signal), failed]);
    } finally {
      stream.destroy();
    }
  };
}

/** The near end of a forwarded port. */
interface ByteStream {
  readonly stream: Duplex;
  /** Where the forwarder puts and finds the bytes of `stream`. */
  readonly fromPod: PassThrough;
  readonly toPod: PassThrough;
  /** What the kubelet writes here (connection refused) destroys `stream`, at any time, even before it is in use. */
  readonly errors: Writable;
  /** Rejects with the first error of `stream`; an abort is one. */
  readonly failed: Promise<never>;
}

function byteStream(signal: AbortSignal): ByteStream {
  const toPod = new PassThrough();
  const fromPod = new PassThrough();
  const stream = Duplex.from({ writable: toPod, readable: fromPod });
  const failed = new Promise<never>((_resolve, reject) => stream.on("error", reject));
  signal.addEventListener("abort", () => stream.destroy(reasonOf(signal)), { once: true });
  const errors = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (chunk.length > 0) stream.destroy(new Error(chunk.toString("utf8").trim()));
      done();
    },
  });
  return { stream, fromPod, toPod, errors, failed };
}

/** Lets stream and web socket end together. A socket that opens when nobody waits any more is closed at once. */
function join(
  socket: Awaited<ReturnType<Forwarder["portForward"]>>,
  stream: Duplex,
  fromPod: PassThrough,
): void {
  if (typeof socket === "function") throw new Error("the port-forward was restarted");
  if (stream.destroyed) socket.close();
  else stream.once("close", () => socket.close());
  socket.addEventListener("close", () => fromPod.end());
}
