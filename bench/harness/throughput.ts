import { CliError } from "../../scripts/lib/cli.ts";
import { bootstrap, httpListener, loopbackCluster } from "../../scripts/lib/envoy/config.ts";
import { startEnvoy, type RunningEnvoy } from "../../scripts/lib/envoy/run.ts";
import { filterModule } from "../../scripts/lib/paths.ts";
import { armOf, describeArm } from "./arms.ts";
import { TestBed, type BlockResult } from "./bed.ts";
import type { Lane } from "./envoy-config.ts";
import { noteEnvironment } from "./environment.ts";
import { chooseCores, pin } from "./machine.ts";
import { podsNeeded, sidecarSizes } from "./pods.ts";
import { each, measured, measureRounds, type Rounds } from "./rounds.ts";
import type { ArmId, Proof, ThroughputArm, ThroughputOptions, ThroughputReport } from "./types.ts";

const compared: readonly ArmId[] = ["none", "dimensions", "exact", "leased", "native_stack"];
const podsArm: ArmId = "exact";
const podsRequestsPerSecond = 100_000;
const upstream = "upstream";

/** Measures what one worker sustains in front of a loopback upstream, and what it costs at a steady rate. */
export async function measureThroughput(options: ThroughputOptions): Promise<ThroughputReport> {
  const module = options.module ?? filterModule;
  const environment = await noteEnvironment(module);
  const service = await startUpstream();
  try {
    const lanes = compared.map((id): Lane => ({ name: id, arm: armOf(id), copies: 1 }));
    const clusters = [loopbackCluster(upstream, service.port(upstream))];
    const target = { cluster: upstream };
    const bed = await TestBed.start({
      lanes,
      users: options.users,
      module,
      peers: new Map(),
      target,
      clusters,
    });
    try {
      const results = await runRounds(bed, lanes, options);
      const proofs = await bed.prove();
      const arms = lanes.map((lane) => armReport(lane, results, proofs.get(lane.name) ?? []));
      return { kind: "throughput", environment: environment(), options, arms, ...podsReport(arms) };
    } finally {
      await bed.stop();
    }
  } finally {
    await service.stop();
  }
}

/** An Envoy that answers everything at once, on the core of the load. */
async function startUpstream(): Promise<RunningEnvoy> {
  const target = { directResponse: { status: 200, body: "ok" } };
  const listeners = [httpListener({ name: upstream, target, manager: { generate_request_id: false } })];
  const envoy = await startEnvoy({ config: bootstrap({ listeners, clusters: [] }), concurrency: 1 });
  const { load } = await chooseCores();
  if (load !== undefined) await pin(envoy.process.pid, load);
  return envoy;
}

/** Closed-loop and open-loop rounds of the same lanes. */
interface Results {
  readonly closed: Rounds;
  readonly open: Rounds;
}

async function runRounds(bed: TestBed, lanes: readonly Lane[], options: ThroughputOptions): Promise<Results> {
  const { rounds, seed, connections, requests, steadySeconds, steadyPerSecond } = options;
  const full = { requests, connections, protocol: "http1" } as const;
  for (const lane of lanes) await bed.run(lane, full);
  const closed = await measureRounds(bed, lanes, { rounds, seed, block: full });
  const steady = {
    requests: steadySeconds * steadyPerSecond,
    connections: steadyConnections,
    perSecond: steadyPerSecond,
    protocol: "http1",
  } as const;
  const open = await measureRounds(bed, lanes, { rounds, seed: seed + 1, block: steady });
  return { closed, open };
}

const steadyConnections = 4;

function armReport({ name, arm }: Lane, { closed, open }: Results, proofs: readonly Proof[]): ThroughputArm {
  const of = (rounds: Rounds, figure: (block: BlockResult) => number): ThroughputArm["busy"] =>
    measured(each(rounds, name, figure));
  return {
    ...describeArm(arm),
    requestsPerSecond: of(closed, ({ perSecond }) => perSecond),
    busy: of(closed, busy),
    saturatedMicrosPerRequest: of(closed, ({ microsPerRequest }) => microsPerRequest),
    steadyMillicores: of(open, (block) => busy(block) * 1000),
    steadyMicrosPerRequest: of(open, ({ microsPerRequest }) => microsPerRequest),
    proofs,
  };
}

/** Cores that Envoy kept busy. */
function busy({ cpuMicros, seconds }: BlockResult): number {
  return cpuMicros / (seconds * 1e6);
}

function podsReport(
  arms: readonly ThroughputArm[],
): Pick<
  ThroughputReport,
  "podsArm" | "podsRequestsPerSecond" | "podsMicrosWithout" | "podsMicrosWith" | "pods"
> {
  const micros = (id: ArmId): number => {
    const found = arms.find((arm) => arm.id === id);
    if (found === undefined) throw new CliError(`the arm ${id} was not measured`);
    return found.steadyMicrosPerRequest.value;
  };
  const [microsWithout, microsWith] = [micros("none"), micros(podsArm)];
  const question = { requestsPerSecond: podsRequestsPerSecond, microsWithout, microsWith };
  return {
    podsArm,
    podsRequestsPerSecond,
    podsMicrosWithout: microsWithout,
    podsMicrosWith: microsWith,
    pods: sidecarSizes.map((millicores) => podsNeeded(question, millicores)),
  };
}
