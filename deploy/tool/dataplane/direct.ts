import { httpGet } from "./http-get.ts";
import type { PodTransport } from "./transport.ts";

/**
 * Fetches pages from a pod's own address. In a usual mesh that reaches the metrics port only: Envoy's admin interface
 * listens on the pod's loopback.
 */
export const directTransport: PodTransport = (pod, port, path, signal) =>
  httpGet({ host: pod.address, port, path, agent: false }, signal);
