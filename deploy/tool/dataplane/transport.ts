import type { Pod } from "../cluster/pods.ts";

/** Status and body of a page. */
export interface PodReply {
  readonly status: number;
  readonly body: string;
}

/** Fetches one page of one pod; rejects with whatever the network says, or with the signal's reason. */
export type PodTransport = (pod: Pod, port: number, path: string, signal: AbortSignal) => Promise<PodReply>;
