import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import {
  Proxy,
  type LoadOptions,
  type Plugin,
  type Stream,
  type StreamOptions,
} from "../../../scripts/lib/emulator/index.ts";
import { waitFor } from "../../../scripts/lib/process.ts";
import { temporaryDirectory } from "../../../scripts/lib/temporary.ts";
import { probe } from "../../host/emulator/probes.ts";
import { startDelivered, type Delivered } from "./delivered.ts";
import type { GatewayOptions } from "./gateway.ts";

/** The emulated side of a scenario. */
export interface Emulated {
  readonly proxy: Proxy;
  readonly plugin: Plugin;
  /** For streams that are made by hand. */
  readonly streamOptions: StreamOptions;
  /** Opens a stream on the only worker. */
  readonly stream: (protocol?: string) => Stream;
}

/** One thing that is done to the observer probe, in real Envoy and in the emulator. */
export interface Scenario {
  readonly name: string;
  /** The probe's configuration: what it looks at. */
  readonly flags: string;
  readonly gateway?: (t: TestContext) => Promise<GatewayOptions>;
  readonly load?: Partial<LoadOptions>;
  /** How many streams end. */
  readonly streams: number;
  real(delivered: Delivered): Promise<void>;
  emulated(emulated: Emulated): void;
}

/** Lines of the probe by the VM that said them, and how many VMs were initialised. */
export type Trace = ReadonlyMap<string, readonly string[]>;

const said = /\]\[wasm\] .*? wasm log[^:]*: (initialize|vm\d.*)$/;

/** What the emulator is told of the gateway's configuration. */
const node = { "xds.node": "a message", "xds.node.id": "tickgate", "xds.node.cluster": "tickgate" };
const route = { "xds.cluster_name": "service", "xds.route_name": "", "xds.virtual_host_name": "all" };

/** Runs a scenario in both. */
export async function runBoth(t: TestContext, scenario: Scenario): Promise<{ real: Trace; emulated: Trace }> {
  const wasm = await probe("observer");
  const real = await runReal(t, scenario, wasm);
  return { real, emulated: runEmulated(scenario, wasm) };
}

async function runReal(t: TestContext, scenario: Scenario, wasm: Uint8Array): Promise<Trace> {
  const directory = await temporaryDirectory();
  t.after(() => directory.remove());
  const module = join(directory.path, "observer.wasm");
  await writeFile(module, wasm);
  const options = await scenario.gateway?.(t);
  const delivered = await startDelivered(t, {
    ...options,
    configuration: scenario.flags,
    filter: { module, name: "probe", rootId: "probe", ...options?.filter },
  });
  await scenario.real(delivered);
  const { envoy } = delivered.gateway;
  const lines = (): string[] => envoy.logs().flatMap((line) => said.exec(line)?.[1] ?? []);
  await waitFor(
    `${scenario.streams} streams of the probe ended`,
    () => lines().filter((line) => / delete (?!1:)\d+: $/.test(line)).length >= scenario.streams || undefined,
    { child: envoy.process },
  );
  return traceOf(lines());
}

function runEmulated(scenario: Scenario, wasm: Uint8Array): Trace {
  const proxy = new Proxy({ workers: 1 });
  const names = { rootId: "probe", name: "probe", properties: node };
  const plugin = proxy.load({ wasm, configuration: scenario.flags, ...names, ...scenario.load });
  const streamOptions = { protocol: "HTTP/1.1", connection: { id: 0n }, properties: route };
  const stream = (protocol = "HTTP/1.1"): Stream => plugin.worker().stream({ ...streamOptions, protocol });
  scenario.emulated({ proxy, plugin, streamOptions, stream });
  return traceOf(proxy.log.messages({ source: "filter" }));
}

function traceOf(lines: readonly string[]): Trace {
  const trace = new Map<string, string[]>();
  for (const line of lines) {
    const vm = /^vm\d+/.exec(line)?.[0] ?? "initialize";
    const known = trace.get(vm) ?? [];
    known.push(line);
    trace.set(vm, known);
  }
  return trace;
}

const shown = 20;

/** The first lines in which two traces differ, each with the other's. */
export function differences(real: Trace, emulated: Trace): string[] {
  const vms = new Set([...real.keys(), ...emulated.keys()]);
  return [...vms]
    .flatMap((vm) => {
      const [theirs, ours] = [real.get(vm) ?? [], emulated.get(vm) ?? []];
      return Array.from({ length: Math.max(theirs.length, ours.length) }, (_, i) =>
        theirs[i] === ours[i] ? [] : [`Envoy: ${theirs[i] ?? "nothing"} | emulator: ${ours[i] ?? "nothing"}`],
      ).flat();
    })
    .slice(0, shown);
}
