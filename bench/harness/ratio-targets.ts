import type { ArmId } from "./types.ts";

/** The most that one arm's CPU a request may be of another's: ratio of the medians in one run. */
export interface RatioTarget {
  readonly arm: ArmId;
  readonly to: ArmId;
  readonly name: string;
  readonly bound: number;
  readonly stretch?: number;
}

/** All that is promised against other arms. */
export const RATIO_TARGETS: readonly RatioTarget[] = [
  { arm: "exact", to: "native_stack", name: "CPU, exact quota / native C++ stack", bound: 1.8, stretch: 1.5 },
  {
    arm: "leased",
    to: "native_stack",
    name: "CPU, leased quota / native C++ stack",
    bound: 1.5,
    stretch: 1.2,
  },
  {
    arm: "dimensions",
    to: "native_stack",
    name: "CPU, labels only / native C++ stack",
    bound: 1.5,
    stretch: 1.2,
  },
  {
    arm: "budgets",
    to: "native_stack",
    name: "CPU, labels and budget / native C++ stack",
    bound: 1.5,
    stretch: 1.2,
  },
  { arm: "exact", to: "rust", name: "CPU, exact quota / Rust SDK", bound: 0.6 },
  { arm: "exact", to: "lua", name: "CPU, exact quota / Lua doing less", bound: 0.4 },
];
