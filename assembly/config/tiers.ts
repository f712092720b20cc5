import { Text } from "../text/literal";
import { Range } from "../text/bytes";
import { NANOS_PER_HOUR, NANOS_PER_MILLI, NANOS_PER_SECOND } from "../text/duration";
import { writeWord } from "../text/words";
import { Build } from "./build";
import { writeValue } from "./document";
import { findName } from "./names";
import { MAX_TIERS, Quota, Tier } from "./plan";
import { MOST_TOKENS, NAME, checkKey, readDuration, readInteger } from "./values";

/** Where the document gives the rate of a tier. */
@unmanaged
class RateNote {
  limit: usize;
  limitLength: u32;
  window: usize;
  windowLength: u32;
}

/** Bytes of the table `Build.rateNotes`. */
export const RATE_NOTES_BYTES: usize = <usize>MAX_TIERS * offsetof<RateNote>();

const KEYS = "limit, window, burst";
const enum Key {
  limit,
  window,
  burst,
}

/** Tier `index` of the quota; 0 is its base. */
export function tierAt(quota: Quota, index: u32): Tier {
  return changetype<Tier>(quota.tiers + <usize>index * offsetof<Tier>());
}

function noteAt(build: Build, index: u32): RateNote {
  return changetype<RateNote>(build.rateNotes + <usize>index * offsetof<RateNote>());
}

export function readLimit(build: Build, quota: Quota, index: u32): void {
  const document = build.document;
  const note = noteAt(build, index);
  tierAt(quota, index).limit = readInteger(document, 1, MOST_TOKENS);
  note.limit = document.raw;
  note.limitLength = document.rawLength;
}

export function readWindow(build: Build, quota: Quota, index: u32): void {
  const document = build.document;
  const note = noteAt(build, index);
  const nanos = readDuration(document, NANOS_PER_MILLI, 24 * NANOS_PER_HOUR, "1ms..24h");
  tierAt(quota, index).windowNanos = nanos;
  note.window = document.raw;
  note.windowLength = document.rawLength;
}

export function readBurst(build: Build, quota: Quota, index: u32): void {
  tierAt(quota, index).burst = readInteger(build.document, 1, MOST_TOKENS);
}

/** Reads the tiers beside the base. */
export function readTiers(build: Build, quota: Quota): void {
  const document = build.document;
  const names = quota.tiers + offsetof<Tier>("name");
  document.openObject();
  while (document.member(MAX_TIERS - 1)) {
    if (!checkKey(document, NAME)) return;
    const known = findName(names, offsetof<Tier>(), quota.tierCount, document.text, document.textLength);
    if (known >= 0) document.repeatedKey();
    const index = quota.tierCount;
    build.keep(changetype<Range>(names + <usize>index * offsetof<Tier>()));
    quota.tierCount += 1;
    readTier(build, quota, index);
  }
}

function readTier(build: Build, quota: Quota, index: u32): void {
  const document = build.document;
  document.openObject();
  while (document.field(KEYS)) {
    switch (document.key) {
      case Key.limit:
        readLimit(build, quota, index);
        break;
      case Key.window:
        readWindow(build, quota, index);
        break;
      default:
        readBurst(build, quota, index);
    }
  }
  document.require(KEYS, Key.limit);
}

/** Completes the tiers of a quota that was read and checks what needs all of it. */
export function settleTiers(build: Build, quota: Quota): void {
  const base = tierAt(quota, 0);
  if (base.windowNanos == 0) base.windowNanos = NANOS_PER_SECOND;
  for (let i: u32 = 0; i < quota.tierCount; i++) {
    const tier = tierAt(quota, i);
    if (tier.windowNanos == 0) inheritWindow(build, tier, base, i);
    if (tier.burst == 0) tier.burst = tier.limit;
    // One a nanosecond is the finest rate that the quota arithmetic can hold.
    if (tier.limit > tier.windowNanos) refuseRate(build, tier, i);
    const cost = build.costNote;
    const lease = build.leaseNote;
    if (quota.costMax > tier.burst) refuseAbove(build, ".cost.max: ", cost, tier);
    if (quota.lease > tier.burst) refuseAbove(build, ".precision.lease: ", lease, tier);
  }
}

function inheritWindow(build: Build, tier: Tier, base: Tier, index: u32): void {
  tier.windowNanos = base.windowNanos;
  noteAt(build, index).window = noteAt(build, 0).window;
  noteAt(build, index).windowLength = noteAt(build, 0).windowLength;
}

function refuseRate(build: Build, tier: Tier, index: u32): void {
  const note = noteAt(build, index);
  const writer = build.document.begin();
  if (index > 0) writer.ascii(".tiers.").bytes(tier.name, tier.nameLength);
  writeWord(writer.ascii("."), KEYS, Key.limit).ascii(": ");
  writeValue(writer, note.limit, note.limitLength).ascii(" per ");
  writeValue(writer, note.window, note.windowLength).ascii(" is more than 1000000000 a second");
}

function refuseAbove(build: Build, below: Text, note: Range, tier: Tier): void {
  const writer = writeValue(build.document.begin().ascii(below), note.ptr, note.len);
  writer.ascii(" is above the burst ").decimal(tier.burst);
  if (tier.nameLength == 0) writer.ascii(" of the base tier");
  else writer.ascii(" of tier ").bytes(tier.name, tier.nameLength);
}
