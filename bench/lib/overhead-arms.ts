import { CliError } from "../../scripts/lib/cli.ts";
import { loopbackCluster } from "../../scripts/lib/envoy/config.ts";
import type { Bootstrap } from "../../scripts/lib/envoy/types.ts";
import { ensureFilter } from "../../scripts/lib/filter-build.ts";
import { arms } from "../harness/arms.ts";
import { harnessConfig, type Lane } from "../harness/envoy-config.ts";
import { buildPeers, type BuiltPeers } from "../harness/peers.ts";
import type { ArmId } from "../harness/types.ts";

/** Arms to compare, one copy each in a listener named as the arm. */
export interface Arms {
  readonly lanes: readonly Lane[];
  readonly peers: BuiltPeers;
}

/** The arm that the others are compared with, and its twin. */
export const [baseline, again] = ["none", "none_again"] as const;

/** Arms whose added latency has a target. */
export const targeted: readonly ArmId[] = ["dimensions", "budgets", "exact", "leased"];

/** Distinct users of the load. */
export const users = 20;

/** All arms that can be built here, or those asked for; a CliError names one that does not exist or cannot be built. */
export async function chooseArms(asked?: readonly string[]): Promise<Arms> {
  const unknown = asked?.find((id) => !arms.some((arm) => arm.id === id));
  if (unknown !== undefined)
    throw new CliError(`there is no arm ${unknown}`, `arms: ${arms.map(({ id }) => id).join(", ")}`);
  const wanted = arms.filter(({ id }) => asked === undefined || [baseline, again, ...asked].includes(id));
  const peers = await buildPeers(wanted.flatMap(({ peer }) => peer ?? []));
  const built = wanted.filter(({ peer }) => peer === undefined || peers.modules.has(peer));
  const missing = wanted.find(
    ({ id, peer }) => peer !== undefined && !peers.modules.has(peer) && asked?.includes(id),
  );
  if (missing?.peer !== undefined)
    throw new CliError(`the arm ${missing.id} cannot be built: ${peers.missing.get(missing.peer) ?? "?"}`);
  return { lanes: built.map((arm) => ({ name: arm.id, arm, copies: 1 })), peers };
}

/** One Envoy for all arms, in front of an upstream on this port. */
export async function armsConfig({ lanes, peers }: Arms, upstreamPort: number): Promise<Bootstrap> {
  return harnessConfig({
    lanes,
    users,
    module: await ensureFilter(),
    peers: peers.modules,
    target: { cluster: "service" },
    clusters: [loopbackCluster("service", upstreamPort)],
  });
}
