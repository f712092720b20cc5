import { fromGoModule } from "./go-build.ts";
import { provision } from "./provision.ts";
import type { Provisioned, ProvisionContext, Tool } from "./tool.ts";

// 5.6.0 is the last that Go 1.26 builds of those that render our overlays; 5.8 asks for Go 1.27.
const kustomize: Tool = {
  name: "kustomize",
  variable: "KUSTOMIZE_BIN",
  versionArgs: ["version"],
  version: (output) => /^v(\d+\.\d+\.\d+)/m.exec(output)?.[1],
  // 5.0 brought the form of `replacements` and `patches` that our overlays use.
  atLeast: "5.0",
  pinned: fromGoModule({
    module: { path: "sigs.k8s.io/kustomize/kustomize/v5", version: "v5.6.0", sums: "kustomize.sum" },
    version: "5.6.0",
    package: "sigs.k8s.io/kustomize/kustomize/v5",
    variables: { "sigs.k8s.io/kustomize/api/provenance.version": "v5.6.0" },
    takes: "about a minute",
  }),
};

const kubeconform: Tool = {
  name: "kubeconform",
  variable: "KUBECONFORM_BIN",
  versionArgs: ["-v"],
  version: (output) => /^v(\d+\.\d+\.\d+)/m.exec(output)?.[1],
  atLeast: "0.6",
  pinned: fromGoModule({
    module: { path: "github.com/yannh/kubeconform", version: "v0.8.0", sums: "kubeconform.sum" },
    version: "0.8.0",
    package: "github.com/yannh/kubeconform/cmd/kubeconform",
    variables: { "main.version": "v0.8.0" },
    takes: "a few seconds",
  }),
};

/** kustomize: `KUSTOMIZE_BIN`, else PATH, else built into `.tools/`. */
export function provisionKustomize(context?: ProvisionContext): Promise<Provisioned> {
  return provision(kustomize, context);
}

/** kubeconform: `KUBECONFORM_BIN`, else PATH, else built into `.tools/`. */
export function provisionKubeconform(context?: ProvisionContext): Promise<Provisioned> {
  return provision(kubeconform, context);
}
