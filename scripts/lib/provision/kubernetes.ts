import { fromGoModule } from "./go-build.ts";
import { fetchGoModule, type FetchedModule, type GoModule } from "./go-module.ts";
import { hostContext, provision } from "./provision.ts";
import type { Provisioned, ProvisionContext, Tool } from "./tool.ts";

const release = "1.36.1";
const etcdRelease = "3.6.8";

const kubernetes: GoModule = {
  path: "k8s.io/kubernetes",
  version: `v${release}`,
  sums: "kubernetes.sum",
};

const goMod = {
  foldersAt: "v0.36.1",
  // What etcd's server imports beyond what Kubernetes does.
  requires: {
    "github.com/golang/groupcache": "v0.0.0-20210331224755-41bb18bfe9da",
    "github.com/grpc-ecosystem/go-grpc-middleware": "v1.3.0",
  },
};

const variables = {
  "k8s.io/component-base/version.gitVersion": `v${release}`,
  "k8s.io/component-base/version.gitMajor": "1",
  "k8s.io/component-base/version.gitMinor": "36",
};

const apiServer: Tool = {
  name: "kube-apiserver",
  variable: "KUBE_APISERVER_BIN",
  versionArgs: ["--version"],
  version: (output) => /^Kubernetes v(\d+\.\d+\.\d+)/m.exec(output)?.[1],
  // 1.30 made ValidatingAdmissionPolicy stable.
  atLeast: "1.30",
  pinned: fromGoModule({
    module: kubernetes,
    version: release,
    package: "k8s.io/kubernetes/cmd/kube-apiserver",
    variables,
    goMod,
    takes: "about 4 minutes",
  }),
};

const kubectl: Tool = {
  name: "kubectl",
  variable: "KUBECTL_BIN",
  versionArgs: ["version", "--client"],
  version: (output) => /^Client Version: v(\d+\.\d+\.\d+)/m.exec(output)?.[1],
  atLeast: "1.30",
  pinned: fromGoModule({
    module: kubernetes,
    version: release,
    package: "k8s.io/kubernetes/cmd/kubectl",
    variables,
    goMod,
    takes: "half a minute after kube-apiserver",
  }),
};

// etcd is a dependency of Kubernetes: this builds the version that Kubernetes is tested with.
const etcd: Tool = {
  name: "etcd",
  variable: "ETCD_BIN",
  versionArgs: ["--version"],
  version: (output) => /^etcd Version: (\d+\.\d+\.\d+)/m.exec(output)?.[1],
  // What Kubernetes 1.36 asks for.
  atLeast: "3.5.24",
  pinned: fromGoModule({
    module: kubernetes,
    version: etcdRelease,
    package: "go.etcd.io/etcd/server/v3/etcdmain",
    main: `package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
`,
    goMod,
    takes: "about a minute",
  }),
};

/** The Kubernetes API server: `KUBE_APISERVER_BIN`, else PATH, else built into `.tools/`. */
export function provisionApiServer(context?: ProvisionContext): Promise<Provisioned> {
  return provision(apiServer, context);
}

/** The API server's store: `ETCD_BIN`, else PATH, else built into `.tools/`. */
export function provisionEtcd(context?: ProvisionContext): Promise<Provisioned> {
  return provision(etcd, context);
}

/** kubectl: `KUBECTL_BIN`, else PATH, else built into `.tools/`. */
export function provisionKubectl(context?: ProvisionContext): Promise<Provisioned> {
  return provision(kubectl, context);
}

/** Kubernetes' source, of the pinned version: the OpenAPI description of its API. */
export function kubernetesSource(context: ProvisionContext = hostContext()): Promise<FetchedModule> {
  return fetchGoModule(kubernetes, context.env);
}
