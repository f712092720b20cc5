import { sipHash } from "./siphash.ts";

/** One bucket of a slot: times in ticks of 2^-16 ns. */
export interface SlotEntry {
  readonly tag: bigint;
  readonly tat: bigint;
  /** Second of the monotonic clock until which its user is active. */
  readonly activeUntil: number;
}

export interface DecodedSlot {
  readonly floor: bigint;
  readonly entries: readonly SlotEntry[];
}

export const SLOT_PREFIX = "tg1q";
/** Key of what all VMs agree on: 16 bytes of hash key, u32 number of slots, u32 check. */
export const SEED_KEY = "tg1:h";
const FORMAT = 0x31514754;
const HEAD_BYTES = 20;
const ENTRY_BYTES = 24;

/** Reads a slot as assembly/store/slot.ts draws it. Throws for what is not one. */
export function decodeSlot(value: Uint8Array): DecodedSlot {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  if (view.getUint32(0, true) !== FORMAT || (value.length - HEAD_BYTES) % ENTRY_BYTES !== 0)
    throw new Error(`no slot: ${Buffer.from(value).toString("hex")}`);
  const tatAt = (at: number): bigint =>
    view.getBigUint64(at, true) | (BigInt(view.getUint32(at + 8, true)) << 64n);
  const entries = Array.from({ length: (value.length - HEAD_BYTES) / ENTRY_BYTES }, (_, index) => {
    const at = HEAD_BYTES + index * ENTRY_BYTES;
    return {
      tag: view.getBigUint64(at, true),
      tat: tatAt(at + 8),
      activeUntil: view.getUint32(at + 20, true),
    };
  });
  return { floor: tatAt(8), entries };
}

/** What lies ahead of a moment in the buckets of some slots: ticks charged and not yet given back by time. */
export function ticksAhead(slots: readonly Uint8Array[], nanos: bigint): bigint[] {
  const now = nanos << 16n;
  const tats = slots.flatMap((slot) => decodeSlot(slot).entries.map((entry) => entry.tat));
  return tats.filter((tat) => tat > now).map((tat) => tat - now);
}

/** A hash key for a table of some slots, so that users lie where they lay the last time. */
export function seedOf(number: number, slots: number): Uint8Array {
  const seed = new Uint8Array(24).fill(7, 0, 16);
  const view = new DataView(seed.buffer);
  view.setUint32(0, number, true);
  view.setUint32(16, slots, true);
  const check = sipHash([0n, 0n], seed.subarray(0, 20), [1, 3]);
  view.setUint32(20, Number(check & 0xffff_ffffn), true);
  return seed;
}
