const name = { type: "string", minLength: 1, maxLength: 256 };
const target = {
  type: "object",
  additionalProperties: false,
  required: ["kind", "name"],
  properties: {
    group: { type: "string" },
    kind: { type: "string", minLength: 1 },
    name: { type: "string", minLength: 1 },
    namespace: { type: "string", title: "empty", maxLength: 0 },
  },
};
const variable = {
  type: "object",
  additionalProperties: false,
  required: ["name"],
  properties: {
    name,
    valueFrom: { enum: ["INLINE", "HOST"] },
    value: { type: "string", maxLength: 2048 },
  },
};
const traffic = {
  type: "object",
  additionalProperties: false,
  properties: {
    mode: { enum: ["UNDEFINED", "CLIENT", "SERVER", "CLIENT_AND_SERVER"] },
    ports: {
      type: "array",
      items: {
        type: "object",
        additionalProperties: false,
        required: ["number"],
        properties: { number: { type: "integer", minimum: 1, maximum: 65_535 } },
      },
    },
  },
};

/** `WasmPlugin.spec` as Istio's CRD has it (extensions.istio.io/v1alpha1, Istio 1.27 and newer); pluginConfig apart. */
export const wasmPluginSpecSchema = {
  type: "object",
  additionalProperties: false,
  required: ["url"],
  // At most one says where the plugin goes.
  dependentSchemas: {
    selector: { properties: { targetRef: false, targetRefs: false } },
    targetRef: { properties: { targetRefs: false } },
  },
  properties: {
    selector: {
      type: "object",
      additionalProperties: false,
      properties: {
        matchLabels: {
          type: "object",
          additionalProperties: {
            type: "string",
            title: "a label value without *",
            maxLength: 63,
            pattern: "^[^*]*$",
          },
        },
      },
    },
    targetRef: target,
    targetRefs: { type: "array", maxItems: 16, items: target },
    url: {
      type: "string",
      title: "an image or an oci://, https://, http:// or file:// URL",
      pattern: "^((oci|https?|file)://[!-~]+|(?![a-zA-Z][a-zA-Z0-9+.-]*://)[!-~]+)$",
    },
    sha256: { type: "string", title: "64 hex digits in lower case", pattern: "^([a-f0-9]{64})?$" },
    imagePullPolicy: { enum: ["UNSPECIFIED_POLICY", "IfNotPresent", "Always"] },
    imagePullSecret: { type: "string", minLength: 1, maxLength: 253 },
    verificationKey: { type: "string" },
    pluginConfig: { type: "object" },
    pluginName: name,
    phase: { enum: ["UNSPECIFIED_PHASE", "AUTHN", "AUTHZ", "STATS"] },
    priority: { type: "integer" },
    failStrategy: { enum: ["FAIL_CLOSE", "FAIL_OPEN", "FAIL_RELOAD"] },
    vmConfig: {
      type: "object",
      additionalProperties: false,
      properties: { env: { type: "array", maxItems: 256, items: variable } },
    },
    match: { type: "array", items: traffic },
    type: { enum: ["UNSPECIFIED_PLUGIN_TYPE", "HTTP", "NETWORK"] },
  },
};

/** What the rules here read of a `WasmPlugin.spec` that keeps to the schema. */
export interface WasmPluginSpec {
  readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly targetRef?: object;
  readonly targetRefs?: readonly object[];
  readonly url: string;
  readonly sha256?: string;
  readonly imagePullPolicy?: string;
  readonly verificationKey?: string;
  readonly pluginConfig?: object;
  readonly pluginName?: string;
  readonly phase?: "UNSPECIFIED_PHASE" | "AUTHN" | "AUTHZ" | "STATS";
  readonly failStrategy?: "FAIL_CLOSE" | "FAIL_OPEN" | "FAIL_RELOAD";
  readonly vmConfig?: { readonly env?: readonly PluginVariable[] };
  readonly match?: readonly { readonly mode?: string }[];
  readonly type?: string;
}

/** One variable of the VM. */
export interface PluginVariable {
  readonly name: string;
  readonly valueFrom?: "INLINE" | "HOST";
  readonly value?: string;
}
