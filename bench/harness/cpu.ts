import { progress } from "../../scripts/lib/cli.ts";
import { filterModule } from "../../scripts/lib/paths.ts";
import { medianRatio } from "../statistics.ts";
import { arms, describeArm } from "./arms.ts";
import type { Arm } from "./arm.ts";
import { TestBed } from "./bed.ts";
import type { Lane } from "./envoy-config.ts";
import { noteEnvironment } from "./environment.ts";
import { headersSeen } from "./load.ts";
import { buildPeers, type BuiltPeers } from "./peers.ts";
import { RATIO_TARGETS } from "./ratio-targets.ts";
import { measureRefusals, refusalLanes } from "./refusals.ts";
import { each, measured, measuredDifference, measureRounds, pairsOf, type Rounds } from "./rounds.ts";
import type { ArmId, CpuArm, CpuOptions, CpuRatio, CpuReport, MissingArm, Proof } from "./types.ts";

/** Measures what one copy of each arm costs a request: K copies in a listener, all arms in one Envoy, rounds shuffled. */
export async function measureCpu(options: CpuOptions): Promise<CpuReport> {
  const module = options.module ?? filterModule;
  const environment = await noteEnvironment(module);
  const { present, missing, peers } = await chooseArms(options.arms);
  const lanes = present.map((arm): Lane => ({ name: arm.id, arm, copies: options.copies }));
  const single = present.map((arm): Lane => ({ name: singleName(arm.id), arm, copies: 1 }));
  const plain = refusalLanes();
  const all = [...lanes, ...single, ...plain];
  const bed = await TestBed.start({
    lanes: all,
    users: options.users,
    module,
    peers: peers.modules,
  });
  try {
    const { requests, connections, rounds, seed, users } = options;
    const block = { requests, connections, protocol: "http1" } as const;
    const warmUp = { ...block, requests: 2 * connections * users };
    progress(`warming up ${all.length} listeners`);
    for (const lane of all) await bed.run(lane, warmUp, { warmUp: true });
    const results = await measureRounds(bed, [...lanes, ...single], { rounds, block, seed });
    const refusals = await measureRefusals(bed, plain, { rounds, block, seed });
    const proofs = await bed.prove();
    return {
      kind: "cpu",
      environment: environment(),
      options,
      requestHeaders: headersSeen,
      command: results.get("none")?.[0]?.command ?? "",
      arms: lanes.map((lane) => costOf(lane, results, proofs)),
      missing,
      ratios: ratiosOf(results),
      refusals: refusals(proofs),
    };
  } finally {
    await bed.stop();
  }
}

/** The arms that can run here, of those asked for; the empty one and the refusals' are always there. */
export async function chooseArms(
  asked?: readonly ArmId[],
): Promise<{ present: Arm[]; missing: MissingArm[]; peers: BuiltPeers }> {
  // A refusal ends a request at the first copy: it is measured on its own.
  const chosen = arms.filter(({ id }) => id !== "denied" && (id === "none" || (asked?.includes(id) ?? true)));
  const peers = await buildPeers(chosen.flatMap(({ peer }) => peer ?? []));
  const lacks = ({ peer }: Arm): string | undefined =>
    peer === undefined ? undefined : peers.missing.get(peer);
  const present = chosen.filter((arm) => lacks(arm) === undefined);
  const missing = chosen.flatMap((arm) => {
    const why = lacks(arm);
    return why === undefined ? [] : [{ ...describeArm(arm), why }];
  });
  return { present, missing, peers };
}

function costOf({ name, arm, copies }: Lane, results: Rounds, proofs: ReadonlyMap<string, Proof[]>): CpuArm {
  const whole = microsOf(results, arm.id);
  return {
    ...describeArm(arm),
    perFilterMicros: measuredDifference(whole, microsOf(results, "none"), copies),
    wholeRequestMicros: measured(whole),
    oneCopyMicros: measuredDifference(microsOf(results, singleName(arm.id)), microsOf(results, "none")),
    proofs: [name, singleName(arm.id)].flatMap((lane) => proofs.get(lane) ?? []),
  };
}

/** Ratios of what the filters cost, the empty arm taken off in each round. */
export function ratiosOf(results: Rounds): CpuRatio[] {
  const none = microsOf(results, "none");
  const costs = (arm: ArmId): number[] =>
    microsOf(results, arm).map((micros, round) => micros - (none[round] ?? NaN));
  return RATIO_TARGETS.filter(({ arm, to }) => results.has(arm) && results.has(to)).map(
    ({ arm, to, bound, stretch }) => {
      const ratio = medianRatio(pairsOf(costs(arm), costs(to)));
      const asked = { arm, to, target: bound, ...(stretch !== undefined && { stretch }) };
      return Object.assign({ ratio, met: ratio.value <= bound }, asked);
    },
  );
}

/** Name of the listener with one copy of an arm. */
function singleName(arm: ArmId): string {
  return `${arm}_single`;
}

function microsOf(results: Rounds, lane: string): number[] {
  return each(results, lane, ({ microsPerRequest }) => microsPerRequest);
}
