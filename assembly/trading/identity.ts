import { Plan } from "../config/plan";
import { rangeAt, sameBytes } from "../text/bytes";
import { HeaderValue } from "./headers";

/** Whether the peer of this SPIFFE id may say who the user is, and how to treat the request. */
export function isTrusted(plan: Plan, peer: usize, peerLength: u32): bool {
  if (plan.trustAll) return true;
  for (let i: u32 = 0; i < plan.trustedPeerCount; i++) {
    const trusted = rangeAt(plan.trustedPeers, i);
    if (sameBytes(trusted.ptr, trusted.len, peer, peerLength)) return true;
  }
  return false;
}

const MAX_USER_BYTES: u32 = 256;
const COMMA: u8 = 0x2c;

/** Whether a header names one user: one copy, 1..256 bytes, no comma (a proxy joins copies by commas). */
export function isUserId(header: HeaderValue): bool {
  if (header.copies != 1 || header.len == 0 || header.len > MAX_USER_BYTES) return false;
  for (let i: u32 = 0; i < header.len; i++) {
    if (load<u8>(header.ptr + i) == COMMA) return false;
  }
  return true;
}
