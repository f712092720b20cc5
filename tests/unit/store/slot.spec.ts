import { MAX_SLOT_BYTES, SLOT_BYTES, SLOT_ENTRIES, Slot, SlotValue } from "../../../assembly/store/slot";
import { WIDE_BYTES, Wide } from "../../../assembly/policy/wide";
import { room } from "../sample";

const NOW: u64 = 1_000_000_000_000;

function slot(): Slot {
  const one = changetype<Slot>(room(SLOT_BYTES));
  one.clear(7);
  return one;
}

function wide(lo: u64, hi: u64): Wide {
  return changetype<Wide>(room(WIDE_BYTES)).set(lo, hi);
}

/** A TAT as many nanoseconds from now. */
function ahead(nanos: i64): Wide {
  const at = NOW + nanos;
  return wide(at << 16, at >> 48);
}

function tatOf(slot: Slot, tag: u64): Wide {
  const tat = wide(1, 1);
  slot.readTat(tag, tat);
  return tat;
}

function equal(a: Wide, b: Wide): bool {
  return a.lo == b.lo && a.hi == b.hi;
}

function filled(): Slot {
  const one = slot();
  for (let i: u32 = 0; i < SLOT_ENTRIES; i++) one.writeTat(100 + i, ahead(1000 + i), NOW, 0);
  return one;
}

describe("a slot", () => {
  test("keeps a TAT of 96 bits for each tag", () => {
    const one = slot();
    expect(one.has(5)).toBe(false);
    expect(equal(tatOf(one, 5), wide(0, 0))).toBe(true);
    one.writeTat(5, wide(u64.MAX_VALUE, 0xffffffff), NOW, 0);
    one.writeTat(6, wide(1, 2), NOW, 0);
    one.writeTat(5, wide(3, 4), NOW, 0);
    expect(one.count).toBe(2);
    expect(equal(tatOf(one, 5), wide(3, 4)) && equal(tatOf(one, 6), wide(1, 2))).toBe(true);
    expect(one.changed).toBe(true);
  });

  test("is read back as it was sealed", () => {
    const one = filled();
    one.seal();
    expect(one.valueBytes).toBe(MAX_SLOT_BYTES);
    const other = slot();
    expect(other.read(one.value, one.valueBytes)).toBe(SlotValue.Ours);
    expect(other.count).toBe(SLOT_ENTRIES);
    for (let i: u32 = 0; i < SLOT_ENTRIES; i++)
      expect(equal(tatOf(other, 100 + i), ahead(1000 + i))).toBe(true);
  });

  test("is foreign when any byte differs, or its length", () => {
    const one = filled();
    one.seal();
    const other = slot();
    for (let i: u32 = 0; i < one.valueBytes; i++) {
      store<u8>(one.value + i, load<u8>(one.value + i) ^ 0x10);
      expect(other.read(one.value, one.valueBytes)).toBe(SlotValue.Foreign);
      store<u8>(one.value + i, load<u8>(one.value + i) ^ 0x10);
    }
    expect(other.count).toBe(0);
    expect(other.read(one.value, 0)).toBe(SlotValue.Foreign);
    expect(other.read(one.value, one.valueBytes - 1)).toBe(SlotValue.Foreign);
    expect(other.read(one.value, one.valueBytes - 24)).toBe(SlotValue.Foreign);
    expect(other.read(one.value, one.valueBytes + 24)).toBe(SlotValue.Foreign);
  });

  test("drops what has expired before it evicts", () => {
    const one = filled();
    one.writeTat(103, ahead(0), NOW, 0);
    one.writeTat(104, ahead(-5), NOW, 0);
    one.writeTat(1, ahead(9), NOW, 0);
    expect(one.count).toBe(SLOT_ENTRIES);
    expect(one.has(104)).toBe(false);
    expect(one.has(103)).toBe(true, "one place is enough");
    one.writeTat(2, ahead(9), NOW, 0);
    expect(one.evictions).toBe(0);
    expect(one.has(103)).toBe(false);
    expect(equal(tatOf(one, 103), ahead(0))).toBe(true, "a clock that is behind starts where it left off");
  });

  test("evicts the entry that ends first and starts new ones there", () => {
    const one = filled();
    one.writeTat(109, ahead(10), NOW, 0);
    one.writeTat(1, ahead(9000), NOW, 0);
    expect(one.evictions).toBe(1);
    expect(one.has(109)).toBe(false);
    expect(equal(tatOf(one, 109), ahead(10))).toBe(true);
    expect(equal(tatOf(one, 77), ahead(10))).toBe(true);
    one.writeTat(2, ahead(9000), NOW, 0);
    expect(equal(tatOf(one, 77), ahead(1000))).toBe(true, "the floor only rises");
    expect(one.evictions).toBe(2);
  });

  test("counts each user once, while it is active", () => {
    const one = slot();
    const user: u64 = 9 << 32;
    one.writeTat(user | 1, ahead(5), NOW, 20);
    one.writeTat(user | 2, ahead(5), NOW, 30);
    one.writeTat((8 << 32) | 1, ahead(5), NOW, 20);
    one.writeTat(4, ahead(5), NOW, 99);
    expect(one.activeUsers(10)).toBe(2);
    expect(one.activeUsers(19)).toBe(2);
    expect(one.activeUsers(20)).toBe(1);
    expect(one.activeUsers(30)).toBe(0);
    one.writeTat(user | 2, ahead(5), NOW, 0);
    expect(one.activeUsers(29)).toBe(1);
  });
});
