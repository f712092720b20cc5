import { arms } from "../harness/arms.ts";
import type { ArmDescription, ArmFamily } from "../harness/types.ts";

/** How an arm is called in the report, and what it is made of; a name that is no arm's stands for itself. */
export function armNamed(name: string): { readonly label: string; readonly family: ArmFamily } {
  const id = name.replaceAll("-", "_");
  const arm = arms.find((one) => one.id === id);
  return arm === undefined ? { label: name, family: "empty" } : { label: arm.label, family: arm.family };
}

/** What one arm leaves out of the work that another does; empty: nothing. */
export function doesLess(
  one: Pick<ArmDescription, "leavesOut">,
  than: Pick<ArmDescription, "leavesOut">,
): string {
  return one.leavesOut.filter((part) => !than.leavesOut.includes(part)).join(", ");
}
