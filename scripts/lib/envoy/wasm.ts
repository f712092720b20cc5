import type { FailurePolicy, HttpFilter, TypedConfig, WasmTypedConfig } from "./types.ts";

/** Type URL of the Wasm HTTP filter. */
export const wasmType = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";

/** How one copy of a Wasm filter is configured. */
export interface WasmFilterOptions {
  /** Path of the module. */
  readonly module: string;
  readonly name?: string;
  readonly rootId?: string;
  /** Text as it is, anything else as JSON; absent: no configuration at all. */
  readonly configuration?: unknown;
  readonly environment?: Readonly<Record<string, string>>;
  readonly failurePolicy?: FailurePolicy;
  readonly vmId?: string;
}

/** The filter inline in a connection manager's list. */
export function wasmFilter(options: WasmFilterOptions): HttpFilter {
  const name = options.name ?? "tickgate";
  const typed: WasmTypedConfig = {
    "@type": wasmType,
    config: {
      name,
      root_id: options.rootId ?? "tickgate",
      ...(options.failurePolicy && { failure_policy: options.failurePolicy }),
      ...(options.configuration !== undefined && { configuration: stringValue(options.configuration) }),
      vm_config: {
        runtime: "envoy.wasm.runtime.v8",
        ...(options.vmId !== undefined && { vm_id: options.vmId }),
        code: { local: { filename: options.module } },
        ...(options.environment && { environment_variables: { key_values: { ...options.environment } } }),
      },
    },
  };
  return { name, typed_config: typed };
}

/** Narrows to a Wasm filter's configuration. */
export function isWasm(config: TypedConfig | undefined): config is WasmTypedConfig {
  return config?.["@type"] === wasmType && typeof config.config === "object";
}

function stringValue(configuration: unknown): { "@type": string; value: string } {
  const value = typeof configuration === "string" ? configuration : JSON.stringify(configuration);
  return { "@type": "type.googleapis.com/google.protobuf.StringValue", value };
}
