import { Plan } from "../config/plan";
import { rangeAt, sameBytes } from "../text/bytes";

/** Whether the peer of this SPIFFE id may say who the user is, and how to treat the request. */
export function isTrusted(plan: Plan, peer: usize, peerLength: u32): bool {
  if (plan.trustAll) return true;
  for (let i: u32 = 0; i < plan.trustedPeerCount; i++) {
    const trusted = rangeAt(plan.trustedPeers, i);
    if (sameBytes(trusted.ptr, trusted.len, peer, peerLength)) return true;
  }
  return false;
}
