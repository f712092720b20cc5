import { Charge, Decision, chargeAt, chargeCount } from "./charges";
import { monotonicNanos } from "../host/clock";
import { Status } from "../host/status";
import { Failure } from "../metrics/catalog";
import { noteFailure } from "../metrics/failures";
import { QuotaDecision } from "../metrics/quotacounts";
import { Plugin } from "../plugin";
import { saturatingSubtract } from "../policy/budget";
import { refund, reinterpret, remaining, spend, waitNanos } from "../policy/quota";
import { noteEvictions, noteRetry } from "../store/counts";
import { recallTat, rememberTat } from "../store/denials";
import { keepLease, leasedTokens, spendLease } from "../store/leases";
import { SLOT_BYTES, Slot } from "../store/slot";
import { loadSlot, saveSlot } from "../store/table";

/** A lost swap means that another worker has charged the same slot: after these many in a row the store has failed. */
const MAX_TRIES: u32 = 32;
const NANOS_PER_SECOND: u64 = 1_000_000_000;
const DAY_NANOS: u64 = 86_400_000_000_000;

/** What all quotas together say of a request. */
export enum Quotas {
  Allowed,
  Refused,
  Failed,
}

const slots = memory.data(16 * SLOT_BYTES);
let slotCount: u32 = 0;

function slotAt(position: u32): Slot {
  return changetype<Slot>(slots + <usize>(<i32>position * SLOT_BYTES));
}

/**
 * Decides the gathered charges together: all are charged, or none is. A refusal by a quota in shadow mode does not
 * refuse the request, it is only not charged.
 */
export function decideCharges(nowNanos: u64): Quotas {
  // Without a clock nothing can be decided.
  if (nowNanos == 0) return failAll();
  payFromLeases(nowNanos);
  if (refusedFromMemory(nowNanos)) return Quotas.Refused;
  if (!loadSlots()) return failAll();
  if (decideAll(nowNanos)) {
    keepReinterpreted();
    return Quotas.Refused;
  }
  const outcome = commitAll(nowNanos);
  if (outcome == Quotas.Allowed) settleLeases();
  return outcome;
}

/**
 * A bucket that was empty stays so until a token has come back. Where that is known of all that are to be charged, no
 * look at the store is needed to refuse; of one alone it would leave open who has the longest wait.
 */
function refusedFromMemory(nowNanos: u64): bool {
  let refused = false;
  for (let i: u32 = 0; i < chargeCount; i++) {
    const charge = chargeAt(i);
    if (charge.paid) continue;
    if (!isEmptyInMemory(charge, nowNanos)) return false;
    if (charge.enforces) refused = true;
  }
  if (!refused) return false;
  for (let i: u32 = 0; i < chargeCount; i++) {
    const charge = chargeAt(i);
    if (!charge.paid) charge.decision = Decision.Refused;
  }
  return true;
}

function isEmptyInMemory(charge: Charge, nowNanos: u64): bool {
  if (!charge.deniable || !recallTat(charge.bucket, charge.tat)) return false;
  if (reinterpret(charge.widest, charge.tat, nowNanos)) return false;
  return waitNanos(charge.rate, charge.tat, nowNanos, 1) != 0;
}

function payFromLeases(nowNanos: u64): void {
  for (let i: u32 = 0; i < chargeCount; i++) {
    const charge = chargeAt(i);
    if (charge.quota.lease <= 1) continue;
    const tokens = <u64>leasedTokens(charge.rate, charge.bucket, charge.tat, nowNanos);
    if (tokens < charge.cost) continue;
    charge.paid = true;
    charge.tokens = tokens;
  }
}

/** Loads every slot that a charge still needs, once. */
function loadSlots(): bool {
  slotCount = 0;
  for (let i: u32 = 0; i < chargeCount; i++) {
    const charge = chargeAt(i);
    if (charge.paid || changetype<usize>(slotOfCharge(charge)) != 0) continue;
    if (loadSlot(slotAt(slotCount), charge.slot) != Status.Ok) return false;
    slotCount += 1;
  }
  return true;
}

function slotOfCharge(charge: Charge): Slot {
  for (let i: u32 = 0; i < slotCount; i++) {
    if (slotAt(i).index == charge.slot) return slotAt(i);
  }
  return changetype<Slot>(0);
}

/** Decides every charge on the loaded slots. True: the request is refused. */
function decideAll(nowNanos: u64): bool {
  let refused = false;
  for (let i: u32 = 0; i < chargeCount; i++) {
    const charge = chargeAt(i);
    if (charge.paid) continue;
    decide(charge, slotOfCharge(charge), nowNanos);
    if (charge.decision == Decision.Refused && charge.enforces) refused = true;
  }
  return refused;
}

function decide(charge: Charge, slot: Slot, nowNanos: u64): void {
  slot.readTat(charge.tag, charge.tat);
  const reinterpreted = reinterpret(charge.widest, charge.tat, nowNanos);
  charge.tokens = charge.cost;
  const lease = <u64>charge.quota.lease;
  if (lease > charge.cost) {
    charge.tokens = max(charge.cost, min(lease, remaining(charge.rate, charge.tat, nowNanos)));
  }
  const allowed = spend(charge.rate, charge.tat, nowNanos, charge.tokens);
  charge.decision = allowed ? Decision.Allowed : Decision.Refused;
  if (allowed) return;
  if (reinterpreted) slot.writeTat(charge.tag, charge.tat, nowNanos, 0);
  if (charge.deniable) rememberTat(charge.bucket, charge.tat);
}

/** Keeps what refused buckets were brought back to, so that their tokens come back from now on. */
function keepReinterpreted(): void {
  for (let i: u32 = 0; i < slotCount; i++) {
    const slot = slotAt(i);
    if (slot.changed && saveSlot(slot) == Status.Failed) noteFailure(Failure.Store);
  }
}

/** Writes the charged slots in the order of their indexes, so that two workers never wait for each other in a ring. */
function commitAll(nowNanos: u64): Quotas {
  let committed: i64 = -1;
  for (let i: u32 = 0; i < slotCount; i++) {
    const slot = nextSlot(committed);
    const outcome = commit(slot, nowNanos);
    if (outcome != Quotas.Allowed) {
      undo(committed, nowNanos);
      return outcome == Quotas.Failed ? failAll() : outcome;
    }
    committed = slot.index;
  }
  return Quotas.Allowed;
}

function nextSlot(after: i64): Slot {
  let next = changetype<Slot>(0);
  for (let i: u32 = 0; i < slotCount; i++) {
    const slot = slotAt(i);
    if (<i64>slot.index <= after) continue;
    if (changetype<usize>(next) == 0 || slot.index < next.index) next = slot;
  }
  return next;
}

function commit(slot: Slot, nowNanos: u64): Quotas {
  for (let tries: u32 = 0; tries < MAX_TRIES; tries++) {
    if (tries != 0) {
      noteRetry();
      if (loadSlot(slot, slot.index) != Status.Ok) return Quotas.Failed;
      if (decideAgain(slot, nowNanos)) return Quotas.Refused;
    }
    writeCharges(slot, nowNanos);
    if (!slot.changed) return Quotas.Allowed;
    const status = saveSlot(slot);
    noteEvictions(status == Status.Ok ? slot.evictions : 0);
    if (status == Status.Ok) return Quotas.Allowed;
    if (status == Status.Failed) return Quotas.Failed;
  }
  return Quotas.Failed;
}

function decideAgain(slot: Slot, nowNanos: u64): bool {
  let refused = false;
  for (let i: u32 = 0; i < chargeCount; i++) {
    const charge = chargeAt(i);
    if (charge.paid || charge.slot != slot.index) continue;
    decide(charge, slot, nowNanos);
    if (charge.decision == Decision.Refused && charge.enforces) refused = true;
  }
  return refused;
}

function writeCharges(slot: Slot, nowNanos: u64): void {
  for (let i: u32 = 0; i < chargeCount; i++) {
    const charge = chargeAt(i);
    if (charge.paid || charge.slot != slot.index || charge.decision != Decision.Allowed) continue;
    const activeUntil = (nowNanos + activeNanos(charge)) / NANOS_PER_SECOND + 1;
    slot.writeTat(charge.tag, charge.tat, nowNanos, <u32>activeUntil);
  }
}

/** For how long a user counts as active: the window, or, up to a day, as long as a lease may pay unknown to the store. */
function activeNanos(charge: Charge): u64 {
  const window = charge.rate.windowNanos;
  if (charge.tokens == charge.cost) return window;
  const interval = window / charge.rate.limit + 1;
  return charge.tokens > DAY_NANOS / interval ? DAY_NANOS : max(window, interval * charge.tokens);
}

/** Gives back what was charged to slots up to index `last`: a later one has refused. */
function undo(last: i64, nowNanos: u64): void {
  for (let i: u32 = 0; i < slotCount; i++) {
    const slot = slotAt(i);
    if (<i64>slot.index <= last && !undoSlot(slot, nowNanos)) noteFailure(Failure.Store);
  }
}

function undoSlot(slot: Slot, nowNanos: u64): bool {
  for (let tries: u32 = 0; tries < MAX_TRIES; tries++) {
    if (loadSlot(slot, slot.index) != Status.Ok) return false;
    // Read behind the load: no charge in the slot is younger.
    const elapsedNanos = saturatingSubtract(monotonicNanos(), nowNanos);
    for (let i: u32 = 0; i < chargeCount; i++) {
      const charge = chargeAt(i);
      if (charge.paid || charge.slot != slot.index || charge.decision != Decision.Allowed) continue;
      if (!slot.has(charge.tag)) continue;
      slot.readTat(charge.tag, charge.tat);
      refund(charge.rate, charge.tat, charge.tokens, elapsedNanos);
      slot.writeTat(charge.tag, charge.tat, nowNanos, 0);
    }
    const status = slot.changed ? saveSlot(slot) : Status.Ok;
    if (status != Status.Mismatch) return status == Status.Ok;
    noteRetry();
  }
  return false;
}

/** The request passes: leases pay, and what was charged ahead is kept. */
function settleLeases(): void {
  for (let i: u32 = 0; i < chargeCount; i++) {
    const charge = chargeAt(i);
    if (charge.quota.lease <= 1 || charge.decision != Decision.Allowed) continue;
    const left = <u32>(charge.tokens - charge.cost);
    if (charge.paid) spendLease(charge.bucket, left);
    else keepLease(charge.bucket, charge.tat, left);
  }
}

function failAll(): Quotas {
  noteFailure(Failure.Store);
  for (let i: u32 = 0; i < chargeCount; i++) chargeAt(i).decision = Decision.Failed;
  return Quotas.Failed;
}

/** Counts what every quota decided. One that would have allowed a request that another refused counts nothing. */
export function noteDecisions(plugin: Plugin, outcome: Quotas): void {
  for (let i: u32 = 0; i < chargeCount; i++) {
    const charge = chargeAt(i);
    const state = plugin.quotaStateAt(charge.index);
    if (charge.decision == Decision.Failed) state.note(QuotaDecision.Failed);
    else if (charge.decision == Decision.Refused) {
      const shadow = plugin.plan.observe || !charge.enforces;
      state.note(shadow ? QuotaDecision.ShadowDenied : QuotaDecision.Denied);
    } else if (outcome == Quotas.Allowed) state.note(QuotaDecision.Allowed);
  }
}
