import type { Extension, HttpFilter } from "../../scripts/lib/envoy/types.ts";
import type { Labels } from "../../scripts/lib/prometheus.ts";
import type { ArmDescription } from "./types.ts";

/** Peers that are built before they can be measured. */
export type PeerName = "pass-through" | "rust" | "sdk";

/** One copy of an arm in a listener: what its configuration may depend on. */
export interface Copy {
  /** Name of the listener; also the operation of its requests, so that its counters are nobody else's. */
  readonly lane: string;
  readonly index: number;
  /** How many there are in the listener. */
  readonly copies: number;
  /** Distinct users that will come. */
  readonly users: number;
  /** Path of the filter's module. */
  readonly module: string;
  /** Paths of the peers' modules. */
  readonly peers: ReadonlyMap<PeerName, string>;
}

/** What a copy adds to a listener. */
export interface Parts {
  readonly filters: readonly HttpFilter[];
  readonly accessLog?: readonly Extension[];
}

/** A counter (or several that are added up) that must have moved by `each` for every request. */
export interface ProofCounter {
  readonly metric: string;
  readonly labels: Labels;
  readonly each: number;
}

/** One way to do the filter's work. */
export interface Arm extends ArmDescription {
  /** Status of every answer after the warm-up. */
  readonly status: number;
  /** The peer it is built from, if any. */
  readonly peer?: PeerName;
  readonly parts: (copy: Copy) => Parts;
  readonly proofs: (lane: string, copies: number) => readonly ProofCounter[];
}
