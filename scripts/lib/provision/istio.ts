import type { FetchedModule, GoModule } from "./go-module.ts";
import { fetchGoModule } from "./go-module.ts";
import { fromGoModule } from "./go-build.ts";
import { hostContext, provision } from "./provision.ts";
import type { Provisioned, ProvisionContext, Tool } from "./tool.ts";

const revision = "eed52ebb66ad";
const version = `1.31-dev-${revision}`;

// A snapshot of 1.31: releases of Istio since 1.6 are tags that the Go module proxy does not serve.
const istio: GoModule = {
  path: "istio.io/istio",
  version: `v0.0.0-20260827124520-${revision}`,
  sums: "istio.sum",
};

// Versions that the proxy has, in place of four commits that it has not.
const requires = {
  "istio.io/api": "v1.31.1",
  "istio.io/client-go": "v1.31.1",
  "github.com/envoyproxy/go-control-plane/envoy": "v1.40.0",
  "github.com/envoyproxy/go-control-plane/contrib": "v1.36.1-0.20260729145720-a2d8c7492908",
};

interface IstioProgram {
  readonly name: string;
  readonly variable: string;
  readonly folder: string;
  readonly tags: readonly string[];
  readonly versionArgs: readonly string[];
  readonly takes: string;
}

function istioTool(program: IstioProgram): Tool {
  const stamps = { Version: version, GitRevision: revision, Status: "Clean", Tag: "1.31-dev" };
  return {
    name: program.name,
    variable: program.variable,
    versionArgs: program.versionArgs,
    version: (output) => /(?:Version:"|client version: )(\d[^\s"]*)/.exec(output)?.[1],
    atLeast: "1.31",
    pinned: fromGoModule({
      module: istio,
      version,
      package: `${istio.path}/${program.folder}/cmd/${program.name}`,
      tags: program.tags,
      variables: Object.fromEntries(
        Object.entries(stamps).map(([name, value]) => [`${istio.path}/pkg/version.build${name}`, value]),
      ),
      goMod: { requires },
      takes: program.takes,
    }),
  };
}

const istiod = istioTool({
  name: "pilot-discovery",
  variable: "ISTIOD_BIN",
  folder: "pilot",
  // What Istio's own Makefile builds it with.
  tags: ["vtprotobuf", "disable_pgv"],
  versionArgs: ["version"],
  takes: "about 6 minutes",
});

const pilotAgent = istioTool({
  name: "pilot-agent",
  variable: "PILOT_AGENT_BIN",
  folder: "pilot",
  tags: ["agent", "disable_pgv", "grpcnotrace", "retrynotrace"],
  versionArgs: ["version"],
  takes: "under a minute after istiod",
});

const istioctl = istioTool({
  name: "istioctl",
  variable: "ISTIOCTL_BIN",
  folder: "istioctl",
  tags: ["vtprotobuf", "disable_pgv"],
  versionArgs: ["version", "--remote=false"],
  takes: "about a minute after istiod",
});

/** Istio's control plane: `ISTIOD_BIN`, else `pilot-discovery` on PATH, else built into `.tools/`. */
export function provisionIstiod(context?: ProvisionContext): Promise<Provisioned> {
  return provision(istiod, context);
}

/** The agent beside each Envoy: `PILOT_AGENT_BIN`, else PATH, else built into `.tools/`. */
export function provisionPilotAgent(context?: ProvisionContext): Promise<Provisioned> {
  return provision(pilotAgent, context);
}

/** istioctl: `ISTIOCTL_BIN`, else PATH, else built into `.tools/`. */
export function provisionIstioctl(context?: ProvisionContext): Promise<Provisioned> {
  return provision(istioctl, context);
}

/** Istio's source, of the pinned version: custom resource definitions, charts, the proxy's bootstrap template. */
export function istioSource(context: ProvisionContext = hostContext()): Promise<FetchedModule> {
  return fetchGoModule(istio, context.env);
}
