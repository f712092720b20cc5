import { Status } from "../host/status";
import { createShared, readShared, swapShared } from "../host/shared";
import { returnedBytes, returnedCas, returnedLength } from "../host/value";
import { ABSENT } from "../memory/byteindex";
import { hashBytes } from "../memory/hash";
import { Writer, WRITER_BYTES } from "../text/writer";
import { OTHER } from "../trading/ids";
import { sightingsNeeded } from "./admission";
import { Failure } from "./catalog";
import { noteFailure } from "./failures";
import { MAX_LABEL_BYTES, spellSafely } from "./labels";
import { writeKey } from "./sharedkeys";
import { Vocabulary } from "./vocabulary";

const KEY_CAPACITY: u32 = 64;
const keyBuffer = memory.data(64);
const keyWriter = memory.data(WRITER_BYTES);
const text = memory.data(64);
const window = memory.data(16);
const MINUTE: u64 = 60_000_000_000;
const MAX_TRIES: u32 = 16;
/** Values taken over from other workers at one tick. */
const MAX_SYNC: u32 = 64;

/**
 * Gives a value of an accepted request its place if it has earned one. Places are a list in shared data that only
 * grows, so all workers agree on it. Returns the value's id, or `OTHER`.
 */
export function admitValue(vocabulary: Vocabulary, value: usize, length: u32, now: u64): u32 {
  const hash = hashBytes(value, length);
  const synced = vocabulary.find(hash, value, length);
  if (synced != ABSENT) return synced;
  const taken = vocabulary.count;
  if (taken >= vocabulary.maxCount) return OTHER;
  const needed = sightingsNeeded(taken, vocabulary.maxCount);
  if (needed > 1 && vocabulary.sight(hash) < needed) return OTHER;
  // Another worker may have admitted it since the last tick: then it costs no admission.
  syncSomePlaces(vocabulary);
  const known = vocabulary.find(hash, value, length);
  if (known != ABSENT) return known;
  return takeAdmission(vocabulary, now) ? takePlace(vocabulary, hash, value, length) : OTHER;
}

/** Gives a value that the configuration names its place, whatever was seen of it. Returns its id, or `OTHER`. */
export function placeConfigured(vocabulary: Vocabulary, value: usize, length: u32): u32 {
  return takePlace(vocabulary, hashBytes(value, length), value, length);
}

function takePlace(vocabulary: Vocabulary, hash: u64, value: usize, length: u32): u32 {
  while (vocabulary.count < vocabulary.maxCount) {
    const key = placeKey(vocabulary);
    const status = createShared(key.ptr, key.len, value, length);
    if (status == Status.Ok) return vocabulary.learn(hash, value, length);
    if (status != Status.Mismatch) break;
    const id = adoptNext(vocabulary);
    if (id == OTHER) return OTHER;
    if (vocabulary.find(hash, value, length) == id) return id;
  }
  if (vocabulary.count < vocabulary.maxCount) noteFailure(Failure.Store);
  return OTHER;
}

/** Takes over the values that other workers have admitted since the last time. */
export function syncPlaces(vocabulary: Vocabulary, limit: u32): void {
  for (let i: u32 = 0; i < limit && vocabulary.count < vocabulary.maxCount; i++) {
    if (adoptNext(vocabulary) == OTHER) return;
  }
}

/** `syncPlaces` for a tick. */
export function syncSomePlaces(vocabulary: Vocabulary): void {
  syncPlaces(vocabulary, MAX_SYNC);
}

/** Takes over the next value of the shared list. Returns its id; `OTHER` when there is none. */
function adoptNext(vocabulary: Vocabulary): u32 {
  const key = placeKey(vocabulary);
  const status = readShared(key.ptr, key.len);
  if (status == Status.Failed) noteFailure(Failure.Store);
  if (status != Status.Ok) return OTHER;
  // Another version may have written it: taken as text of ours whatever it holds.
  const length = min(returnedLength(), MAX_LABEL_BYTES);
  memory.copy(text, returnedBytes(), length);
  spellSafely(text, length);
  return vocabulary.learn(hashBytes(text, length), text, length);
}

function placeKey(vocabulary: Vocabulary): Writer {
  const key = changetype<Writer>(keyWriter).init(keyBuffer, KEY_CAPACITY);
  return writeKey(key, "p:")
    .bytes(vocabulary.label, vocabulary.labelLength)
    .byte(0x3a)
    .decimal(vocabulary.count);
}

/** Takes one of the admissions of this minute, which all workers share. False when they are used up. */
function takeAdmission(vocabulary: Vocabulary, now: u64): bool {
  const key = changetype<Writer>(keyWriter).init(keyBuffer, KEY_CAPACITY);
  writeKey(key, "w:").bytes(vocabulary.label, vocabulary.labelLength);
  for (let tries: u32 = 0; tries < MAX_TRIES; tries++) {
    const status = readShared(key.ptr, key.len);
    if (status == Status.Failed) break;
    const known = status == Status.Ok;
    const fits = known && returnedLength() == 12;
    let start = fits ? load<u64>(returnedBytes()) : now;
    let admitted = fits ? load<u32>(returnedBytes(), 8) : 0;
    // A start that lies ahead of the clock was not written by this process.
    if (now < start || now - start >= MINUTE) {
      start = now;
      admitted = 0;
    }
    if (admitted >= vocabulary.newValuesPerMinute) return false;
    store<u64>(window, start);
    store<u32>(window, admitted + 1, 8);
    const written = known
      ? swapShared(key.ptr, key.len, window, 12, returnedCas())
      : createShared(key.ptr, key.len, window, 12);
    if (written == Status.Ok) return true;
    if (written == Status.Failed) break;
  }
  noteFailure(Failure.Store);
  return false;
}
