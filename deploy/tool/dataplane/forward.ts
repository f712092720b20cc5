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
  return async (pod, port, path, signal) => {
    const stream = await openStream(forwarder, { namespace: pod.namespace, name: pod.name, port, signal });
    try {
      return await httpGet({ host: "127.0.0.1", path, createConnection: () => stream }, signal);
    } finally {
      stream.destroy();
    }
  };
}

interface StreamTarget {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
  readonly signal: AbortSignal;
}

/** A byte stream to a port of a pod. What the kubelet writes on the error channel (connection refused) destroys it. */
async function openStream(
  forwarder: Forwarder,
  { namespace, name, port, signal }: StreamTarget,
): Promise<Duplex> {
  signal.throwIfAborted();
  const toPod = new PassThrough();
  const fromPod = new PassThrough();
  const stream = Duplex.from({ writable: toPod, readable: fromPod });
  const errors = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (chunk.length > 0) stream.destroy(new Error(chunk.toString("utf8").trim()));
      done();
    },
  });
  const opened = forwarder.portForward(namespace, name, [port], fromPod, errors, toPod);
  const socket = await Promise.race([opened, aborted(signal)]);
  if (typeof socket === "function") throw new Error("the port-forward was restarted");
  socket.addEventListener("close", () => fromPod.end());
  stream.once("close", () => socket.close());
  return stream;
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(reasonOf(signal)), { once: true });
  });
}
