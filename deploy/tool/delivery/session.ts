import { assertUrl, durationMillis, type ClusterArguments } from "../cluster/arguments.ts";
import { connect, type Cluster } from "../cluster/connect.ts";
import { accessOptions, openPodAccess, type PodAccess } from "../dataplane/access.ts";

/** What a command that talks to a cluster works with. */
export interface Session {
  readonly cluster: Cluster;
  readonly access: PodAccess;
  readonly timeoutMillis: number;
  /** URL of istiod's monitoring port, when given. */
  readonly istiod: string | undefined;
}

/** The argument of commands that can ask istiod for the words of a refusal. */
export const istiodArgument = {
  istiod: {
    type: "string",
    description:
      "istiod's monitoring address (http://localhost:15014): adds the proxies' own words to refusals",
  },
} as const;

/** Checks the arguments and reads the kubeconfig; nothing is sent yet. */
export async function openSession(
  args: ClusterArguments & { readonly istiod?: string | undefined },
): Promise<Session> {
  const options = accessOptions(args);
  if (args.istiod !== undefined) assertUrl("istiod", args.istiod, "http://localhost:15014");
  const timeoutMillis = durationMillis("timeout", args.timeout);
  const cluster = await connect({ ...args, firstAnswerMillis: timeoutMillis });
  const access = openPodAccess(cluster, options);
  return { cluster, access, timeoutMillis, istiod: args.istiod };
}
