import { Caller, FROM_NOWHERE } from "./caller";
import {
  ANONYMOUS_EXEMPT,
  ANONYMOUS_REJECT,
  NO_HEADER,
  PART_OPERATION,
  PART_PEER,
  PART_USER,
  Quota,
  Tier,
} from "../config/plan";
import { mix } from "../memory/hash";
import { OPERATION_AT } from "../metrics/family";
import { QuotaState } from "../metrics/quotacounts";
import { Plugin } from "../plugin";
import { Rate } from "../policy/quota";
import { Wide } from "../policy/wide";
import { slotOf, tableHash, tableSlots } from "../store/table";
import { Range, sameBytes } from "../text/bytes";
import { operationBit } from "../trading/operation";
import { NO_NUMBER, decimalValue } from "../trading/numbers";

/** What became of one quota on one request. */
export enum Decision {
  Allowed,
  Refused,
  /** The store failed. */
  Failed,
}

/** One quota that applies to the request being handled. */
@unmanaged
export class Charge {
  /** The bucket's state: as read, then as charged. */
  tatLo: u64;
  tatHi: u64;
  tag: u64;
  /** Hash of the bucket: its name in this VM's caches. */
  bucket: u64;
  cost: u64;
  quota: Quota;
  rate: Rate;
  /** The rate of the quota's tier with the largest burst in time. */
  widest: Rate;
  index: u32;
  slot: u32;
  /** Tokens to charge: the cost, or a lease. */
  tokens: u64;
  decision: Decision;
  /** Paid by a lease that this VM holds, of `tokens` tokens. */
  paid: bool;
  deniable: bool;
  tier: u8;

  get tat(): Wide {
    return changetype<Wide>(changetype<usize>(this));
  }

  /** Whether a refusal by this quota refuses the request. */
  get enforces(): bool {
    return !this.quota.shadow;
  }
}

const CHARGE_BYTES: usize = 88;
const table = memory.data(1408);
const text = memory.data(8);

// Kinds of bytes that are hashed; a user's is where its id comes from, FROM_NOWHERE to FROM_PEER.
const KIND_PEER: u64 = 3;
const KIND_VALUE: u64 = 4;
const KIND_QUOTA: u64 = 5;

/** How the charges of a request came out. */
export enum Gathered {
  /** The number of charges is in `chargeCount`. */
  Charges,
  /** A quota wants to know who it is, and nobody does. */
  Unidentified,
}

/** Number of charges that `gatherCharges` found. */
export let chargeCount: u32 = 0;

/** Charge `index` of the request being handled. */
export function chargeAt(index: u32): Charge {
  return changetype<Charge>(table + <usize>index * CHARGE_BYTES);
}

/** Finds the quotas that apply to a request, and which bucket of each it is charged to, how much. */
export function gatherCharges(plugin: Plugin, caller: Caller, ids: usize): Gathered {
  const plan = plugin.plan;
  const bit = operationBit(plan, load<u16>(ids + OPERATION_AT));
  chargeCount = 0;
  for (let i: u32 = 0; i < plan.quotaCount; i++) {
    const quota = plan.quotaAt(i);
    if ((quota.operations & bit) == 0) continue;
    const ofUser = plugin.quotaStateAt(i).ofUser;
    if (ofUser) caller.identify(plugin);
    if (ofUser && caller.source == FROM_NOWHERE) {
      if (plan.anonymous == ANONYMOUS_EXEMPT) continue;
      if (plan.anonymous == ANONYMOUS_REJECT && !quota.shadow) return Gathered.Unidentified;
    }
    gather(plugin, caller, ids, i);
  }
  return Gathered.Charges;
}

function gather(plugin: Plugin, caller: Caller, ids: usize, index: u32): void {
  const quota = plugin.plan.quotaAt(index);
  const state = plugin.quotaStateAt(index);
  const charge = chargeAt(chargeCount);
  charge.index = index;
  charge.quota = quota;
  // Buckets of nobody lie in slots of their own: with several of them a charge may be undone.
  const apart = state.ofUser && caller.source == FROM_NOWHERE && plugin.plan.quotaCount > 1;
  charge.deniable = state.deniable && !apart;
  charge.tier = <u8>tierOf(plugin, caller, quota);
  charge.rate = state.rateAt(charge.tier);
  charge.widest = state.rateAt(state.widest);
  charge.cost = costOf(plugin, caller, quota);
  charge.tokens = charge.cost;
  charge.decision = Decision.Allowed;
  charge.paid = false;
  const bucket = bucketOf(plugin, caller, ids, state);
  charge.bucket = bucket;
  if (!state.ofUser || caller.source == FROM_NOWHERE) {
    charge.tag = bucket & 0xffffffff;
    charge.slot = slotOf(bucket);
  } else {
    // All buckets of a user lie in one slot, so that one swap charges them.
    const user = caller.hash;
    charge.tag = (max<u64>(user & 0xffffffff, 1) << 32) | (bucket & 0xffffffff);
    charge.slot = slotOf(user);
  }
  chargeCount += 1;
}

/** Hash of a bucket: of the quota's name and of each part of its key. */
function bucketOf(plugin: Plugin, caller: Caller, ids: usize, state: QuotaState): u64 {
  const quota = state.quota;
  if (state.nameHash == 0) state.nameHash = nameHash(quota);
  let hash = state.nameHash;
  for (let i: u32 = 0; i < quota.keyCount; i++) {
    const part = load<u8>(quota.key + i);
    if (part == PART_USER) hash = mix(hash, caller.hash);
    else if (part == PART_PEER) hash = mix(hash, tableHash(KIND_PEER, caller.peer, caller.peerLength));
    else hash = mix(hash, valueHash(plugin, ids, part == PART_OPERATION ? 0 : <u32>part + 1));
  }
  return hash;
}

/** Stays 0 until the table is open: what is hashed before that is not under its key. */
function nameHash(quota: Quota): u64 {
  return tableSlots() == 0 ? 0 : tableHash(KIND_QUOTA, quota.name, quota.nameLength);
}

/** Hash of what a request has in label `index`: workers agree on a value's text, not on its id. */
function valueHash(plugin: Plugin, ids: usize, index: u32): u64 {
  const value = changetype<Range>(text);
  plugin.recorder.vocabularyAt(index).textOf(load<u16>(ids + OPERATION_AT + ((<usize>index) << 1)), value);
  return tableHash(KIND_VALUE, value.ptr, value.len);
}

/** Index of the tier that a believed caller names; 0 is the base. */
function tierOf(plugin: Plugin, caller: Caller, quota: Quota): u32 {
  if (quota.tierCount == 1 || !caller.trusted) return 0;
  const header = plugin.request.value(plugin.plan.tierHeader);
  if (header.copies != 1) return 0;
  for (let i: u32 = 1; i < quota.tierCount; i++) {
    const tier = changetype<Tier>(quota.tiers + <usize>i * offsetof<Tier>());
    if (sameBytes(tier.name, tier.nameLength, header.ptr, header.len)) return i;
  }
  return 0;
}

/** A believed caller's cost; the most it may be where it is not believed, out of range or unreadable. */
function costOf(plugin: Plugin, caller: Caller, quota: Quota): u64 {
  if (quota.costHeader == NO_HEADER) return 1;
  const header = plugin.request.value(quota.costHeader);
  if (!caller.trusted) return quota.costMax;
  if (header.copies == 0) return 1;
  const cost = header.copies == 1 ? decimalValue(header.ptr, header.len) : NO_NUMBER;
  return cost == 0 || cost > quota.costMax ? quota.costMax : cost;
}
