import { CliError } from "../../../scripts/lib/cli.ts";
import { configHash } from "../dataplane/config-dump.ts";
import { structJson } from "../dataplane/struct-json.ts";
import { configHashAnnotation, type FailStrategy, type WasmPlugin, type WasmPluginSpec } from "./plugins.ts";
import { trackLabel } from "./pods.ts";

/** What a plugin is made of. What is undefined stays as the base has it. */
export interface PluginChanges {
  /** `oci://registry/repository@sha256:<64 hex digits>` */
  readonly image?: string | undefined;
  readonly config?: Readonly<Record<string, unknown>> | undefined;
  readonly failStrategy?: FailStrategy | undefined;
  /** Labels of the pods beside the track. */
  readonly selector?: Readonly<Record<string, string>> | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly imagePullSecret?: string | undefined;
}

/** The name under which the filter is asked for in the module. */
export const pluginName = "tickgate";

/** What a plugin has when nothing else is said. */
const defaults = {
  pluginName,
  // After authentication, so that peers are known, and before authorization, so that what it refuses is still charged.
  phase: "AUTHZ",
  // Ahead of other plugins of the phase: they are not asked about requests over quota.
  priority: 100,
  failStrategy: "FAIL_CLOSE",
  imagePullPolicy: "IfNotPresent",
  // Inbound only: without it calls to others are counted as well.
  match: [{ mode: "SERVER" }],
} as const;

/** The plugin to apply: defaults, below what the base says, below the changes. A CliError when it has no image. */
export function renderPlugin(
  at: { readonly namespace: string; readonly name: string },
  base: WasmPluginSpec | undefined,
  changes: PluginChanges,
): WasmPlugin {
  const url = changes.image ?? base?.url;
  if (url === undefined) {
    throw new CliError(
      `WasmPlugin ${at.namespace}/${at.name} does not exist yet, and no image was given`,
      "--image oci://REGISTRY/REPOSITORY@sha256:DIGEST, as tickgate package prints it",
    );
  }
  assertImage(url);
  const pluginConfig = changes.config ?? base?.pluginConfig;
  const spec: WasmPluginSpec = {
    ...defaults,
    ...withoutDigest(base, changes),
    url,
    selector: { matchLabels: { ...selectorOf(base, changes), [trackLabel]: "stable" } },
    ...(changes.failStrategy === undefined ? {} : { failStrategy: changes.failStrategy }),
    ...(changes.imagePullSecret === undefined ? {} : { imagePullSecret: changes.imagePullSecret }),
    ...(pluginConfig === undefined ? {} : { pluginConfig }),
    ...(changes.env === undefined ? {} : { vmConfig: { env: inlineEnv(changes.env) } }),
  };
  return pluginOf(at, spec);
}

/** The object that the tool applies for a spec: its labels, and the annotation with the hash of its configuration. */
export function pluginOf(
  { namespace, name }: { readonly namespace: string; readonly name: string },
  spec: WasmPluginSpec,
): WasmPlugin {
  return {
    apiVersion: "extensions.istio.io/v1alpha1",
    kind: "WasmPlugin",
    metadata: {
      name,
      namespace,
      labels: { "app.kubernetes.io/name": "tickgate" },
      annotations: { [configHashAnnotation]: configHash(structJson(spec.pluginConfig)) },
    },
    spec,
  };
}

/** The hash `tickgate_config_info` shows where this spec runs. */
export function expectedHash(spec: WasmPluginSpec): string {
  return configHash(structJson(spec.pluginConfig));
}

// A digest of its own (`sha256`) belongs to the image it was written for.
function withoutDigest(base: WasmPluginSpec | undefined, { image }: PluginChanges): Partial<WasmPluginSpec> {
  if (base === undefined || image === undefined || image === base.url) return base ?? {};
  const { sha256: _old, ...rest } = base;
  return rest;
}

function selectorOf(base: WasmPluginSpec | undefined, changes: PluginChanges): Record<string, string> {
  return { ...(changes.selector ?? base?.selector?.matchLabels) };
}

function inlineEnv(env: Readonly<Record<string, string>>): { name: string; value: string }[] {
  return Object.entries(env).map(([name, value]) => ({ name, value }));
}

/** A CliError for an image whose name does not say by its digest which bytes it is. URLs other than oci:// pass. */
export function assertImage(url: string): void {
  const fault = faultOfImage(url);
  if (fault !== undefined) throw new CliError(`image ${url} has ${fault.what}`, fault.hint);
}

/** What an image's name lacks; undefined for one that names its bytes, and for URLs other than oci://. */
export function faultOfImage(url: string): { readonly what: string; readonly hint: string } | undefined {
  const [, scheme] = /^(?:(\w+):\/\/)?/.exec(url) ?? [];
  if (scheme !== undefined && scheme !== "oci") return undefined;
  const [, digest] = /@sha256:([0-9a-f]{64})$/.exec(url) ?? [];
  if (digest === undefined) {
    const hint =
      "a tag can be moved, and a rollback would then not be one: name it as tickgate package prints it, ...@sha256:<64 hex digits>";
    return { what: "no digest", hint };
  }
  if (!/^0+$/.test(digest)) return undefined;
  return {
    what: "a digest of zeros, a placeholder that is no image",
    hint: "set the digest that tickgate package prints",
  };
}
