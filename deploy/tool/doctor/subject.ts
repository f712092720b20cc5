import type { Config } from "../../../scripts/lib/config/types.ts";
import type { Cluster } from "../cluster/connect.ts";
import type { WasmPlugin, WasmPluginSpec } from "../cluster/plugins.ts";
import type { PodAccess } from "../dataplane/access.ts";

/** What doctor examines: what is in the cluster, or what would be after a deploy with the same arguments. */
export interface Subject {
  readonly cluster: Cluster;
  readonly access: PodAccess;
  readonly name: string;
  readonly istioNamespace: string;
  /** The plugin in the cluster. */
  readonly current: WasmPlugin | undefined;
  /** The spec to be; undefined when there is neither a plugin nor an image to deploy. */
  readonly spec: WasmPluginSpec | undefined;
  /** The configuration to be, as the filter would read it. */
  readonly config: Config;
  /** Labels that the pods must carry. */
  readonly selector: Readonly<Record<string, string>>;
  /** The registry of the image answers on plain HTTP. */
  readonly plainHttp: boolean;
}
