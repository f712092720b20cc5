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
import { OPERATION_AT } from "../metrics/family";
import { Plugin } from "../plugin";
import { Rate } from "../policy/quota";
import { Wide } from "../policy/wide";
import { slotOf, tableHash } from "../store/table";
import { Range, sameBytes } from "../text/bytes";
import { Writer, WRITER_BYTES } from "../text/writer";
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
const keyBuffer = memory.data(8192);
const keyWriter = memory.data(WRITER_BYTES);
const text = memory.data(8);

/** How the charges of a request came out. */
export enum Gathered {
  /** The number of charges is in `chargeCount`. */
  Charges,
  /** A quota wants to know who it is, and nobody does. */
  Unidentified,
  /** A key did not fit; the filter's own failure. */
  Failed,
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
    if (!gather(plugin, caller, ids, i)) return Gathered.Failed;
  }
  return Gathered.Charges;
}

function gather(plugin: Plugin, caller: Caller, ids: usize, index: u32): bool {
  const quota = plugin.plan.quotaAt(index);
  const state = plugin.quotaStateAt(index);
  const charge = chargeAt(chargeCount);
  memory.fill(changetype<usize>(charge), 0, CHARGE_BYTES);
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
  const key = writeBucket(plugin, caller, ids, quota);
  if (key.full) return false;
  const bucket = tableHash(key.ptr, key.len);
  charge.bucket = bucket;
  if (!state.ofUser || caller.source == FROM_NOWHERE) {
    charge.tag = bucket & 0xffffffff;
    charge.slot = slotOf(bucket);
  } else {
    // All buckets of a user lie in one slot, so that one swap charges them.
    const user = userHash(caller);
    charge.tag = (max<u64>(user & 0xffffffff, 1) << 32) | (bucket & 0xffffffff);
    charge.slot = slotOf(user);
  }
  chargeCount += 1;
  return true;
}

function userHash(caller: Caller): u64 {
  const key = changetype<Writer>(keyWriter).init(keyBuffer, 8192);
  key.byte(0x55).byte(caller.source).bytes(caller.user, caller.userLength);
  return tableHash(key.ptr, key.len);
}

/** Spells a bucket: the quota's name, then each part of its key with its length before it. */
function writeBucket(plugin: Plugin, caller: Caller, ids: usize, quota: Quota): Writer {
  const key = changetype<Writer>(keyWriter).init(keyBuffer, 8192);
  writePart(key, quota.name, quota.nameLength);
  const value = changetype<Range>(text);
  for (let i: u32 = 0; i < quota.keyCount; i++) {
    const part = load<u8>(quota.key + i);
    key.byte(part);
    if (part == PART_USER) {
      key.byte(caller.source);
      writePart(key, caller.user, caller.userLength);
    } else if (part == PART_PEER) writePart(key, caller.peer, caller.peerLength);
    else {
      const index: u32 = part == PART_OPERATION ? 0 : <u32>part + 1;
      plugin.recorder
        .vocabularyAt(index)
        .textOf(load<u16>(ids + OPERATION_AT + ((<usize>index) << 1)), value);
      writePart(key, value.ptr, value.len);
    }
  }
  return key;
}

function writePart(key: Writer, ptr: usize, length: u32): void {
  key
    .byte(<u8>length)
    .byte(<u8>(length >> 8))
    .bytes(ptr, length);
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
