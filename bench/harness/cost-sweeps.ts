import { progress } from "../../scripts/lib/cli.ts";
import { filterModule } from "../../scripts/lib/paths.ts";
import { SeededRandom } from "../../scripts/sample/random.ts";
import type { Arm } from "./arm.ts";
import { describeArm } from "./arms.ts";
import { TestBed, type Block } from "./bed.ts";
import { chooseArms } from "./cpu.ts";
import type { HarnessOptions, Lane } from "./envoy-config.ts";
import { noteEnvironment } from "./environment.ts";
import { holdFilter, holdStreams, type HeldStreams } from "./live-streams.ts";
import { userQuery } from "./load.ts";
import { each, measuredDifference, measureRounds, type Rounds } from "./rounds.ts";
import type { ArmId, Proof, SweepOptions, SweepPoint, SweepReport } from "./types.ts";

const userArms: readonly ArmId[] = ["none", "exact", "leased", "native_limit"];
const streamArms: readonly ArmId[] = ["none", "exact", "rust", "sdk"];
/** The AssemblyScript SDK's cost grows with live streams: beyond so many a round takes minutes. */
const mostStreamsOfSdk = 1000;
/** One connection goes through its queries in turn: no user comes twice in a row, as with several connections. */
const turns = { connections: 1, streams: 4, protocol: "http2" } as const;

/** Measures how the cost of a filter depends on the number of users, and on the number of live streams. */
export async function measureCostSweeps(options: SweepOptions): Promise<SweepReport> {
  const module = options.module ?? filterModule;
  const environment = await noteEnvironment(module);
  const { present, missing, peers } = await chooseArms([...userArms, ...streamArms]);
  const settings = { ...options, module, peers: peers.modules };
  const among = (ids: readonly ArmId[]): Arm[] => present.filter(({ id }) => ids.includes(id));
  const users: SweepPoint[] = [];
  for (const size of options.users) {
    progress(`${size} users`);
    users.push(...(await usersPoint(size, among(userArms), settings)));
  }
  const liveStreams: SweepPoint[] = [];
  for (const size of options.liveStreams) {
    progress(`${size} live streams`);
    const arms = among(streamArms).filter(({ id }) => id !== "sdk" || size <= mostStreamsOfSdk);
    liveStreams.push(...(await streamsPoint(size, arms, settings)));
  }
  const arms = present.map(describeArm);
  return { kind: "sweeps", environment: environment(), options, arms, missing, users, liveStreams };
}

type Settings = SweepOptions & Pick<HarnessOptions, "module" | "peers">;

async function usersPoint(size: number, arms: readonly Arm[], settings: Settings): Promise<SweepPoint[]> {
  return withLanes(arms, size, settings, async (bed, lanes) => {
    const all = { ...turns, requests: Math.max(size, 1000) };
    for (const lane of lanes) await bed.run(lane, all);
    // Users at random: the next one's bucket is rarely the one that was just used.
    const random = new SeededRandom(settings.seed);
    const queries = Array.from({ length: settings.requests }, () => userQuery(random.below(size)));
    const block = { ...turns, requests: settings.requests, paths: await bed.writeQueries(queries) };
    return measurePoint(bed, lanes, block, { ...settings, size });
  });
}

async function streamsPoint(size: number, arms: readonly Arm[], settings: Settings): Promise<SweepPoint[]> {
  return withLanes(arms, fewUsers, { ...settings, after: [holdFilter] }, async (bed, lanes) => {
    const block = { ...turns, requests: settings.requests };
    const held: HeldStreams[] = [];
    try {
      for (const lane of lanes) held.push(await holdStreams(bed, lane, size));
      for (const lane of lanes) await bed.run(lane, { ...block, requests: Math.min(block.requests, 1000) });
      return await measurePoint(bed, lanes, block, { ...settings, size });
    } finally {
      for (const streams of held) streams.release();
    }
  });
}

const fewUsers = 100;

async function measurePoint(
  bed: TestBed,
  lanes: readonly Lane[],
  block: Block,
  { rounds, seed, size }: Settings & { readonly size: number },
): Promise<SweepPoint[]> {
  const results = await measureRounds(bed, lanes, { rounds, seed, block });
  const proofs = await bed.prove();
  return lanes
    .filter(({ arm }) => arm.id !== "none")
    .map((lane) => pointOf(lane, size, results, proofs.get(lane.name) ?? []));
}

function pointOf({ arm, copies }: Lane, size: number, results: Rounds, proofs: readonly Proof[]): SweepPoint {
  const micros = (id: ArmId): number[] => each(results, id, ({ microsPerRequest }) => microsPerRequest);
  return {
    arm: arm.id,
    size,
    perFilterMicros: measuredDifference(micros(arm.id), micros("none"), copies),
    proofs,
  };
}

async function withLanes<T>(
  arms: readonly Arm[],
  users: number,
  { copies, module, peers, after }: Settings & Pick<HarnessOptions, "after">,
  work: (bed: TestBed, lanes: readonly Lane[]) => Promise<T>,
): Promise<T> {
  const lanes = arms.map((arm): Lane => ({ name: arm.id, arm, copies }));
  const bed = await TestBed.start({ lanes, users, module, peers, ...(after && { after }) });
  try {
    return await work(bed, lanes);
  } finally {
    await bed.stop();
  }
}
