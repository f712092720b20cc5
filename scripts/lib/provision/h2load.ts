import { CliError } from "../cli.ts";
import { provision } from "./provision.ts";
import type { Provisioned, ProvisionContext, Tool } from "./tool.ts";

const h2load: Tool = {
  name: "h2load",
  variable: "H2LOAD_BIN",
  versionArgs: ["--version"],
  version: (output) => /^h2load nghttp2\/(\d+\.\d+\.\d+)/m.exec(output)?.[1],
  // 1.43 brought --rps.
  atLeast: "1.43",
  // It is published by distributions only.
  pinned: {
    version: "1.52.0",
    fetch: () => {
      const hint = "apt-get install nghttp2-client, or name it in H2LOAD_BIN";
      return Promise.reject(new CliError("h2load is neither in H2LOAD_BIN nor on PATH", hint));
    },
  },
};

let found: Promise<Provisioned> | undefined;

/** h2load's executable: `H2LOAD_BIN`, else PATH; looked for once. */
export function provisionH2load(context?: ProvisionContext): Promise<Provisioned> {
  if (context !== undefined) return provision(h2load, context);
  found ??= provision(h2load);
  return found;
}
