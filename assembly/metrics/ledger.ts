import { Status } from "../host/status";
import { createShared, readShared, swapShared } from "../host/shared";
import { returnedBytes, returnedCas, returnedLength } from "../host/value";
import { Writer, WRITER_BYTES } from "../text/writer";
import { writeKey } from "./sharedkeys";
import { Failure } from "./catalog";
import { noteFailure } from "./failures";

/** A metric name: a base name and at most 10 labels of 32 + 64 bytes. */
const KEY_CAPACITY: u32 = 2048;
const keyBuffer = memory.data(2048);
const keyWriter = memory.data(WRITER_BYTES);
const value = memory.data(4);
/** A lost swap means that another worker has just claimed: more than a few in a row do not happen. */
const MAX_TRIES: u32 = 64;

/** What became of a claim. */
export enum Claim {
  /** There is room, from now or from before. */
  Granted,
  /** All `maxSeries` are claimed; nothing is ever given back. */
  Full,
  /** The store failed: it may be granted another time. */
  Failed,
}

/**
 * Claims room for a series in the ledger of the process, which all workers, reloads and configurations share.
 * The count never passes `maxSeries`: room is taken before the name is entered, and given back to who was first.
 */
export function claimSeries(name: usize, nameLength: u32, weight: u32, maxSeries: u32): Claim {
  const key = changetype<Writer>(keyWriter).init(keyBuffer, KEY_CAPACITY);
  writeKey(key, "s:").bytes(name, nameLength);
  if (key.full) return Claim.Full;
  const known = readShared(key.ptr, key.len);
  if (known == Status.Ok) return Claim.Granted;
  if (known != Status.NotFound) return storeFailed();
  const room = addToCount(weight, maxSeries);
  if (room != Claim.Granted) return room;
  store<u32>(value, 0);
  const entered = createShared(key.ptr, key.len, value, 1);
  if (entered == Status.Ok) return Claim.Granted;
  addToCount(-(<i32>weight), maxSeries);
  return entered == Status.Mismatch ? Claim.Granted : storeFailed();
}

function storeFailed(): Claim {
  noteFailure(Failure.Store);
  return Claim.Failed;
}

/** What `claimedSeries` says when the ledger can't be read. */
export const UNKNOWN: u32 = 0xffffffff;

/** What the series of this process weigh so far, or `UNKNOWN`. */
export function claimedSeries(): u32 {
  const status = readShared("tg1:n", 5);
  if (status == Status.Ok && returnedLength() == 4) return load<u32>(returnedBytes());
  if (status == Status.NotFound) return 0;
  noteFailure(Failure.Store);
  return UNKNOWN;
}

function addToCount(change: i32, maxSeries: u32): Claim {
  for (let tries: u32 = 0; tries < MAX_TRIES; tries++) {
    const status = readShared("tg1:n", 5);
    if (status == Status.Failed) return storeFailed();
    const known = status == Status.Ok;
    const count: i32 = known && returnedLength() == 4 ? load<i32>(returnedBytes()) : 0;
    if (change > 0 && <u32>count + <u32>change > maxSeries) return Claim.Full;
    store<i32>(value, max<i32>(count + change, 0));
    const written = known
      ? swapShared("tg1:n", 5, value, 4, returnedCas())
      : createShared("tg1:n", 5, value, 4);
    if (written == Status.Ok) return Claim.Granted;
    if (written == Status.Failed) return storeFailed();
  }
  return storeFailed();
}
