import { resetArena } from "../host/memory";
import { createShared, readShared, swapShared } from "../host/shared";
import { Status } from "../host/status";
import { returnedBytes, returnedCas, returnedLength } from "../host/value";
import { SLOT_BYTES, Slot } from "./slot";
import { loadSlot, tableSlots } from "./table";

// Counting active users means reading every slot. One VM of the process does it at a time, a part at every tick.

/** Value of `tg1:a`: u64 monotonic nanoseconds before which nobody else begins. */
const turn = memory.data(8);
/** A census is begun at most this often and takes 40 ticks of 100 ms, so that its result is never 10 s old. */
const PERIOD_NANOS: u64 = 5_000_000_000;
const PARTS: u32 = 40;
const NANOS_PER_SECOND: u64 = 1_000_000_000;
/** What `countUsers` says while it has no number. */
export const NOT_YET: u32 = 0xffffffff;

const slot = changetype<Slot>(memory.data(SLOT_BYTES));
let counting = false;
let next: u32 = 0;
let users: u32 = 0;

/** Counts a part of the active users. Returns their number when the last part is done, else `NOT_YET`. */
export function countUsers(nowNanos: u64): u32 {
  if (!counting && !takeTurn(nowNanos)) return NOT_YET;
  const slots = tableSlots();
  const last = min(next + slots / PARTS + 1, slots);
  const seconds = <u32>(nowNanos / NANOS_PER_SECOND);
  for (; next < last; next++) {
    // The arena must not grow with the table.
    resetArena();
    if (loadSlot(slot, next) == Status.Ok) users += slot.activeUsers(seconds);
  }
  if (next < slots) return NOT_YET;
  counting = false;
  return users;
}

/** Begins a census unless another VM has done so lately. */
function takeTurn(nowNanos: u64): bool {
  const status = readShared("tg1:a", 5);
  if (status == Status.Failed) return false;
  const known = status == Status.Ok;
  if (known && returnedLength() == 8 && nowNanos < load<u64>(returnedBytes())) return false;
  store<u64>(turn, nowNanos + PERIOD_NANOS);
  const taken = known ? swapShared("tg1:a", 5, turn, 8, returnedCas()) : createShared("tg1:a", 5, turn, 8);
  counting = taken == Status.Ok;
  next = 0;
  users = 0;
  return counting;
}
