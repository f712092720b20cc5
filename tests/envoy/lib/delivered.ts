import { createHash } from "node:crypto";
import type { TestContext } from "node:test";
import { deliverByFile, updateFilter, type FileDelivery } from "../../../scripts/lib/envoy/delivery.ts";
import type { WasmFilterOptions } from "../../../scripts/lib/envoy/wasm.ts";
import { temporaryDirectory } from "../../../scripts/lib/temporary.ts";
import { startGateway, tickgate, type Gateway, type GatewayOptions } from "./gateway.ts";

/** A gateway whose filter comes from a file, and can be replaced while it runs. */
export interface Delivered {
  readonly gateway: Gateway;
  /** Delivers a new configuration and waits for Envoy's verdict. */
  readonly update: (configuration: unknown) => Promise<"accepted" | "rejected">;
  /** Delivers a whole new filter. */
  readonly replace: (filter: Partial<WasmFilterOptions>) => Promise<"accepted" | "rejected">;
}

/** Starts Envoy with the filter delivered by ECDS from a file; the file and the processes end with the test. */
export async function startDelivered(t: TestContext, options: GatewayOptions = {}): Promise<Delivered> {
  const directory = await temporaryDirectory();
  t.after(() => directory.remove());
  const { configuration, filter } = options;
  const made = (changes: Partial<WasmFilterOptions>) => tickgate({ ...filter, ...changes });
  const delivery: FileDelivery = await deliverByFile(
    directory.path,
    made(configuration === undefined ? {} : { configuration }),
  );
  const gateway = await startGateway(t, { ...options, filters: [delivery.filter] });
  const replace = (changes: Partial<WasmFilterOptions>) =>
    updateFilter(gateway.envoy.admin, delivery, made(changes));
  return { gateway, replace, update: (next) => replace({ configuration: next }) };
}

/** The label of a configuration in `tickgate_config_info`; objects are sent as JSON. */
export function configLabel(configuration: unknown): string {
  const text = typeof configuration === "string" ? configuration : JSON.stringify(configuration);
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}
