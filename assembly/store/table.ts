import { fillRandom } from "../host/environment";
import { createShared, readShared, swapShared } from "../host/shared";
import { Status } from "../host/status";
import { returnedBytes, returnedCas, returnedLength } from "../host/value";
import { sipHash } from "../memory/siphash";
import { Failure } from "../metrics/catalog";
import { noteFailure } from "../metrics/failures";
import { SLOT_ENTRIES, Slot, SlotValue } from "./slot";

// Shared data: `tg1:h` holds what all workers must agree on, `tg1q` + u32 the slots.

/** Value of `tg1:h`: u64, u64 hash key, u32 number of slots, u32 check: low half of SipHash(0, 0) over what is before it. */
const SEED_BYTES: u32 = 24;
const seed = memory.data(24);
/** `tg1q` and the slot's index: 8 bytes, so the host keeps it without an allocation. */
const slotKey = memory.data(8);
const SLOT_KEY_PREFIX: u32 = 0x71316774;

let key0: u64 = 0;
let key1: u64 = 0;
let slots: u32 = 0;

/** Slots for `capacity` users: at that number half of the entries are taken. */
export function slotsFor(capacity: u32): u32 {
  return max<u32>((capacity * 2 + SLOT_ENTRIES - 1) / SLOT_ENTRIES, 1);
}

/**
 * Opens the table of this process: the first to come makes its hash key and fixes its size, all others take them over.
 * Returns the number of slots; 0 when shared data fails, and then every load fails.
 */
export function openTable(capacity: u32): u32 {
  if (slots != 0) return slots;
  store<u32>(seed, slotsFor(capacity), 16);
  if (!fillRandom(seed, 16)) return 0;
  store<u32>(seed, seedCheck(), 20);
  const made = createShared("tg1:h", 5, seed, SEED_BYTES);
  if (made == Status.Ok || (made == Status.Mismatch && readSeed() == Status.Ok)) adoptSeed();
  return slots;
}

/** Takes over the table of this process. False: there is none, or shared data fails. */
export function joinTable(): bool {
  if (slots != 0) return true;
  const status = readSeed();
  if (status == Status.Ok) adoptSeed();
  else if (status == Status.Failed) noteFailure(Failure.Store);
  return slots != 0;
}

function adoptSeed(): void {
  key0 = load<u64>(seed);
  key1 = load<u64>(seed, 8);
  slots = load<u32>(seed, 16);
}

/** Another plugin's value must not be taken for the size of a table. */
function seedCheck(): u32 {
  return <u32>sipHash(0, 0, seed, 20);
}

/** NotFound: there is none, or it is not ours. */
function readSeed(): Status {
  const status = readShared("tg1:h", 5);
  if (status != Status.Ok) return status;
  if (returnedLength() != SEED_BYTES) return Status.NotFound;
  memory.copy(seed, returnedBytes(), SEED_BYTES);
  return load<u32>(seed, 20) == seedCheck() && load<u32>(seed, 16) != 0 ? Status.Ok : Status.NotFound;
}

/** Slots of the open table. */
export function tableSlots(): u32 {
  return slots;
}

/**
 * Hash of bytes of a kind, a small number, under the key of the process: equal in all workers, unknown to callers. Equal
 * bytes of two kinds have two hashes.
 */
export function tableHash(kind: u64, ptr: usize, length: u32): u64 {
  return sipHash(key0 ^ kind, key1, ptr, length);
}

/** The slot of a hash. */
export function slotOf(hash: u64): u32 {
  return <u32>(((hash >> 32) * <u64>slots) >> 32);
}

function writeSlotKey(index: u32): void {
  store<u32>(slotKey, SLOT_KEY_PREFIX);
  store<u32>(slotKey, index, 4);
}

/** Reads a slot. A foreign value is counted and treated as empty. Not Ok: the store failed. */
export function loadSlot(slot: Slot, index: u32): Status {
  slot.clear(index);
  writeSlotKey(index);
  const status = slots == 0 ? Status.Failed : readShared(slotKey, 8);
  if (status == Status.NotFound) return Status.Ok;
  if (status != Status.Ok) return Status.Failed;
  slot.exists = true;
  slot.cas = returnedCas();
  if (slot.read(returnedBytes(), returnedLength()) == SlotValue.Foreign) noteFailure(Failure.StoreValue);
  return Status.Ok;
}

/** Writes a slot if nobody has since it was loaded. Mismatch: somebody has. */
export function saveSlot(slot: Slot): Status {
  slot.seal();
  writeSlotKey(slot.index);
  return slot.exists
    ? swapShared(slotKey, 8, slot.value, slot.valueBytes, slot.cas)
    : createShared(slotKey, 8, slot.value, slot.valueBytes);
}
