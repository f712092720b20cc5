import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buildImage } from "../../../deploy/tool/oci/image.ts";
import { pushImage } from "../../../deploy/tool/oci/push.ts";
import { parseReference, pinnedUrl } from "../../../deploy/tool/oci/reference.ts";
import { provisionRegistry } from "../../../scripts/lib/provision/registry.ts";
import { waitFor, type Child } from "../../../scripts/lib/process.ts";
import { answers } from "./answers.ts";
import { namedPorts } from "./ports.ts";
import type { Workspace } from "./workspace.ts";

/** A registry of images, as people run it, with plain HTTP on loopback. */
export interface Registry {
  /** `127.0.0.1:<port>`. */
  readonly host: string;
  /** Pushes a module and returns its address for a WasmPlugin: `oci://...@sha256:...`. */
  push(module: Uint8Array, version: string): Promise<string>;
  /** Ends it; what was pushed is kept. */
  crash(): Promise<void>;
  /** Starts it again where it was, and waits until it answers. */
  restart(): Promise<void>;
  stop(): Promise<unknown>;
}

const readyMillis = 30_000;

/** Starts Debian's docker-registry. */
export async function startRegistry(workspace: Workspace): Promise<Registry> {
  const { path } = await provisionRegistry();
  const folder = await workspace.folder("registry");
  const config = join(folder, "config.yml");
  const host = `127.0.0.1:${(await namedPorts("registry")).registry}`;
  const settings = {
    version: 0.1,
    storage: { filesystem: { rootdirectory: folder } },
    http: { addr: host, secret: "of-this-mesh" },
  };
  // JSON is YAML.
  await writeFile(config, JSON.stringify(settings));
  const start = async (): Promise<Child> => {
    const started = await workspace.start({ name: "registry", command: path, args: ["serve", config] });
    const options = { child: started, timeoutMillis: readyMillis };
    await waitFor("the registry answered", () => answers(`http://${host}/v2/`), options);
    return started;
  };
  let child = await start();
  return {
    host,
    async push(module, version) {
      const reference = parseReference(`${host}/trading/tickgate:${version}`);
      const image = await buildImage(module, "compat", { version });
      await pushImage(image, { ...reference, tag: version }, { insecure: true });
      return pinnedUrl(reference, image.manifest.digest);
    },
    async crash() {
      await child.stop(2000);
    },
    async restart() {
      await child.stop(2000);
      child = await start();
    },
    stop: () => child.stop(2000),
  };
}
