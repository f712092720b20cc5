import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { CliError } from "../cli.ts";
import { root } from "../paths.ts";
import type { Bootstrap, ConnectionManager, Listener, PluginConfig } from "./types.ts";
import { isWasm } from "./wasm.ts";

/** Names in deploy/envoy/envoy.yaml that its users rely on. */
export const deployed = {
  path: `${root}/deploy/envoy/envoy.yaml`,
  listener: "trading",
  cluster: "trading_service",
} as const;

/** Reads an Envoy configuration in YAML. Only what every configuration has is checked here. */
export async function readEnvoyYaml(path: string): Promise<Bootstrap> {
  const config: unknown = parse(await readFile(path, "utf8"));
  if (!isBootstrap(config))
    throw new CliError(`${path} is not an Envoy configuration with admin and static_resources`);
  return config;
}

/** deploy/envoy/envoy.yaml on free ports, in front of a service on this loopback port. */
export async function deployedConfig(upstreamPort: number): Promise<Bootstrap> {
  const config = await readEnvoyYaml(deployed.path);
  config.admin.address.socket_address.port_value = 0;
  for (const { address } of config.static_resources.listeners) address.socket_address.port_value = 0;
  setUpstreamPort(config, deployed.cluster, upstreamPort);
  return config;
}

/** Points the one endpoint of a cluster at another port. */
export function setUpstreamPort(config: Bootstrap, cluster: string, port: number): void {
  const found = config.static_resources.clusters.find(({ name }) => name === cluster);
  const endpoint = found?.load_assignment.endpoints[0]?.lb_endpoints[0]?.endpoint;
  if (endpoint === undefined)
    throw new CliError(`the Envoy configuration has no cluster ${cluster} with an endpoint`);
  endpoint.address.socket_address.port_value = port;
}

/** The connection manager of a listener. */
export function connectionManager(config: Bootstrap, listener: string): ConnectionManager {
  const found: Listener | undefined = config.static_resources.listeners.find(({ name }) => name === listener);
  const manager = found?.filter_chains[0]?.filters[0]?.typed_config;
  if (manager === undefined) throw new CliError(`the Envoy configuration has no HTTP listener ${listener}`);
  return manager;
}

/** The plugin configuration of the first Wasm filter of a listener, to be changed in place. */
export function pluginConfig(config: Bootstrap, listener: string): PluginConfig {
  for (const { typed_config: typed } of connectionManager(config, listener).http_filters) {
    if (isWasm(typed)) return typed.config;
  }
  throw new CliError(`the Envoy configuration has no Wasm filter in listener ${listener}`);
}

function isBootstrap(config: unknown): config is Bootstrap {
  return isRecord(config) && isRecord(config.admin) && isRecord(config.static_resources);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
