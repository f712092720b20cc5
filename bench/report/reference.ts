import { pairsOf } from "../harness/rounds.ts";
import type { ArmId, CpuArm, CpuReport } from "../harness/types.ts";
import { medianRatio, type Estimate } from "../statistics.ts";

/** The arm that a report speaks of first: the dearest of ours. */
export const OURS: ArmId = "exact";

/** The arm that others are multiples of: what Envoy has in C++ and comes nearest. It does less (`leavesOut`). */
export const REFERENCE: ArmId = "native_stack";

/** An arm of the CPU report, where it was measured. */
export function armOf(cpu: CpuReport | undefined, id: ArmId): CpuArm | undefined {
  return cpu?.arms.find((arm) => arm.id === id);
}

/** Our CPU as a multiple of the reference's, one copy in the listener of each. */
export function aloneRatio(cpu: CpuReport | undefined): Estimate | undefined {
  const [ours, reference] = [armOf(cpu, OURS), armOf(cpu, REFERENCE)];
  if (ours === undefined || reference === undefined) return undefined;
  return medianRatio(pairsOf(ours.oneCopyMicros.each, reference.oneCopyMicros.each));
}
